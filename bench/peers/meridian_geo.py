"""Meridian: a geo model at the defaults of its specification, sampled as in its user guide."""

import os
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")

import exchange
import meridian
import numpy as np
from meridian.analysis import analyzer
from meridian.data import data_frame_input_data_builder as builders
from meridian.model import model, spec


def main():
    panel = exchange.panel_argument()
    table = panel.frame().rename(columns={"region": "geo", "week": "time", "target": "kpi"})
    table["time"] = table["time"].dt.strftime("%Y-%m-%d")
    # The holdout's target is not used, but must be there: the region's mean.
    table["kpi"] = table["kpi"].fillna(table.groupby("geo")["kpi"].transform("mean"))
    if not panel.has_population:  # it must be there, too: the regions' mean target stands for their size
        table["population"] = table.groupby("geo")["kpi"].transform("mean")
    # With spend the target is taken as revenue, so that the default priors are on ROI. Without, media units stand for
    # spend, and the default prior is on the contribution of all media.
    builder = builders.DataFrameInputDataBuilder(kpi_type="revenue" if panel.spend else "non_revenue")
    builder = builder.with_kpi(table).with_population(table)
    if panel.controls:
        builder = builder.with_controls(table, control_cols=panel.controls)
    builder = builder.with_media(table, media_cols=panel.media, media_spend_cols=panel.spend or panel.media,
                                 media_channels=panel.media)
    held_out = spec.HoldoutSpec(spec=[spec.DateRange(panel.weeks[-panel.holdout], None)])
    mmm = model.Meridian(input_data=builder.build(), model_spec=spec.ModelSpec(holdout=held_out))
    mmm.sample_posterior(n_chains=7, n_adapt=500, n_burnin=500, n_keep=1000, seed=1)

    geos = list(map(str, mmm.input_data.geo.values))
    order = [geos.index(region) for region in panel.regions]
    analysis = analyzer.Analyzer(model_context=mmm.model_context, inference_data=mmm.inference_data)
    use_kpi = not panel.spend
    expected = np.asarray(analysis.expected_outcome(aggregate_geos=False, aggregate_times=False, use_kpi=use_kpi))
    incremental = np.asarray(analysis.incremental_outcome(selected_times=panel.training_weeks, use_kpi=use_kpi))
    print("R-hat", analysis.rhat_summary()[["param", "max_rhat"]].to_string(), flush=True)

    answer = exchange.Answer(f"google-meridian {meridian.__version__}",
                             "user guide: geo model, default ModelSpec (a knot a week, lags to 8 weeks, ROI priors where "
                             "there is spend), 7 chains of 500 + 500 + 1,000 draws")
    answer.predict(panel, expected.mean(axis=(0, 1))[order])
    answer.credit(panel, incremental.reshape(-1, incremental.shape[-1]))
    answer.write()


if __name__ == "__main__":
    main()
