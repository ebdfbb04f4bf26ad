"""PyMC-Marketing: the MMM of its quickstart with a dimension for regions, each region scaled by its own maxima."""

import warnings

warnings.filterwarnings("ignore")

import exchange
import numpy as np
import pymc_marketing
from pymc_marketing.mmm import MMM, GeometricAdstock, LogisticSaturation


def main():
    panel = exchange.panel_argument()
    table = panel.frame().sort_values(["week", "region"])
    # "Put such columns on a comparable scale yourself (for example, divide each by its maximum absolute value)."
    controls = [*panel.controls, "t"]  # the quickstart's linear trend
    table["t"] = (table["week"] - table["week"].min()).dt.days.astype(float)
    for column in controls:
        table[column] /= table[column].abs().max()
    columns = ["week", "region", *panel.media, *controls]
    training = table[table["week"] <= panel.training_weeks[-1]]
    by_region = {"method": "max", "dims": ()}
    mmm = MMM(date_column="week", target_column="target", channel_columns=panel.media,
              control_columns=controls, dims=("region",), adstock=GeometricAdstock(l_max=8),
              saturation=LogisticSaturation(), yearly_seasonality=2,
              scaling={"channel": by_region, "target": by_region})
    mmm.build_model(training[columns], training["target"])
    mmm.add_original_scale_contribution_variable(var=["channel_contribution", "y"])
    mmm.fit(training[columns], training["target"], nuts_sampler="nutpie", progressbar=False, random_seed=1)
    print({v.name: v.type.shape for v in mmm.model.free_RVs}, flush=True)

    contribution = mmm.idata.posterior["channel_contribution_original_scale"].sum(["date", "region"])
    draws_SC = contribution.stack(sample=("chain", "draw")).transpose("sample", "channel").sel(
        channel=panel.media).values
    forecast = mmm.sample_posterior_predictive(table[table["week"] > panel.training_weeks[-1]][columns],
                                               extend_idata=False, include_last_observations=True,
                                               var_names=["y_original_scale"], progressbar=False, random_seed=1)
    y_RTS = forecast["y_original_scale"].transpose("region", "date", "sample").sel(region=panel.regions).values
    y_RTS = y_RTS[:, -panel.holdout:]
    lower_RT, upper_RT = np.quantile(y_RTS, [0.05, 0.95], axis=2)

    sizes = mmm.idata.posterior.sizes
    answer = exchange.Answer(f"pymc-marketing {pymc_marketing.__version__}",
                             "quickstart: geometric adstock of 8 weeks, logistic saturation, 2 yearly Fourier modes, "
                             f"linear trend, all by region; {sizes['chain']} chains of 1,000 + {sizes['draw']:,} draws "
                             "(nutpie)")
    answer.predict(panel, y_RTS.mean(axis=2), lower_RT, upper_RT)
    answer.credit(panel, draws_SC)
    answer.write()


if __name__ == "__main__":
    main()
