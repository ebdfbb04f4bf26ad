"""LightweightMMM: the geo model of its README, the default Hill-adstock model."""

import warnings

warnings.filterwarnings("ignore")

import exchange
import jax.numpy as jnp
import numpy as np
from lightweight_mmm import lightweight_mmm, preprocessing

VERSION = "0.1.9"  # the module's own __version__ is older


def or_one(scale):
    """What a region never has, or never has otherwise, is divided by 1: 0 / 0 would end the fit."""

    def safe(values, axis=None):
        found = scale(values, axis=axis)
        return jnp.where(found == 0, 1.0, found)

    return safe


def main():
    panel = exchange.panel_argument()
    T = len(panel.training_weeks)
    media = panel.array(panel.media).transpose(1, 2, 0)  # weeks x channels x regions
    controls = panel.array(panel.controls).transpose(1, 2, 0)
    target = panel.array(["target"])[:, :, 0].T
    # As in the README, by the mean; controls, whose mean may be 0, by their standard deviation.
    media_scaler = preprocessing.CustomScaler(divide_operation=or_one(jnp.mean))
    target_scaler = preprocessing.CustomScaler(divide_operation=jnp.mean)
    control_scaler = preprocessing.CustomScaler(divide_operation=or_one(jnp.std))
    scaled_media = media_scaler.fit_transform(media[:T])
    scaled_target = target_scaler.fit_transform(target[:T])
    scaled_controls = control_scaler.fit_transform(controls[:T])
    costs = panel.array(panel.spend)[:, :T].sum(axis=(0, 1)) if panel.spend else np.ones(len(panel.media))
    costs = preprocessing.CustomScaler(divide_operation=jnp.mean).fit_transform(costs)
    mmm = lightweight_mmm.LightweightMMM()
    mmm.fit(media=scaled_media, extra_features=scaled_controls, media_prior=costs, target=scaled_target,
            number_warmup=1000, number_samples=1000, number_chains=2, seed=1)

    forecast = np.asarray(mmm.predict(media=media_scaler.transform(media[T:]), target_scaler=target_scaler,
                                      extra_features=control_scaler.transform(controls[T:]), seed=1))
    scale_R = target[:T].mean(axis=0)
    draws_SC = np.einsum("stcr,scr,r->sc", np.asarray(mmm.trace["media_transformed"]), np.asarray(mmm.trace["coef_media"]),
                         scale_R)
    lower, upper = np.quantile(forecast, [0.05, 0.95], axis=0)
    answer = exchange.Answer(f"lightweight_mmm {VERSION}",
                             "README: geo model, hill_adstock, 2 chains of 1,000 + 1,000 draws")
    answer.predict(panel, forecast.mean(axis=0).T, lower.T, upper.T)
    answer.credit(panel, draws_SC)
    answer.write()


if __name__ == "__main__":
    main()
