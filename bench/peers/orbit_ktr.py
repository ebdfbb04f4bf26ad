"""Orbit's KTR at its defaults, one model a region (it has no panels), media and controls as regressors without carry-over."""

import logging
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import exchange
import numpy as np
import orbit
import pandas as pd
from orbit.models import KTR


def main():
    panel = exchange.panel_argument()
    T = len(panel.training_weeks)
    target_RT = panel.array(["target"])[:, :, 0]
    media_RTC, controls_RTK = panel.array(panel.media), panel.array(panel.controls)
    scale_R = target_RT[:, :T].mean(axis=1)
    media_RTC = media_RTC / np.maximum(media_RTC[:, :T].mean(axis=1, keepdims=True), 1e-12)
    controls_RTK = (controls_RTK - controls_RTK[:, :T].mean(axis=1, keepdims=True)) / np.maximum(
        controls_RTK[:, :T].std(axis=1, keepdims=True), 1e-12)
    regressors = [*panel.media, *panel.controls]
    predicted, lower, upper = [], [], []
    total_C = np.zeros(len(panel.media))
    for r in range(len(panel.regions)):
        table = pd.DataFrame(np.concatenate([media_RTC[r], controls_RTK[r]], axis=1), columns=regressors)
        table["date"] = pd.to_datetime(panel.weeks)
        table["target"] = target_RT[r] / scale_R[r]
        model = KTR(response_col="target", date_col="date", regressor_col=regressors, seasonality=[52.18], seed=1,
                    prediction_percentiles=[5, 95])
        model.fit(df=table[:T])
        forecast = model.predict(df=table[T:].drop(columns="target"))
        for out, column in ((predicted, "prediction"), (lower, "prediction_5"), (upper, "prediction_95")):
            out.append(forecast[column].to_numpy() * scale_R[r])
        coefficients = model.get_regression_coefs().set_index("date")[panel.media].to_numpy()
        total_C += scale_R[r] * (coefficients * media_RTC[r, :T]).sum(axis=0)
    answer = exchange.Answer(f"orbit-ml {orbit.__version__}", "KTR's defaults (pyro-svi), yearly season, a model a region")
    answer.predict(panel, predicted, lower, upper)
    answer.contribution = dict(zip(panel.media, total_C.tolist()))
    answer.write()


if __name__ == "__main__":
    main()
