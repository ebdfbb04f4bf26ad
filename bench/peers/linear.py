"""Linear regression: the target on media, controls and two yearly harmonics, an intercept a region, least squares.

Everything relative to the region's mean. Intervals are the t statistic's, with errors taken as independent.
"""

import exchange
import numpy as np


def main():
    panel = exchange.panel_argument()
    target_RT = panel.array(["target"])[:, :, 0]
    R, T = target_RT.shape
    training = len(panel.training_weeks)
    scale_R1 = target_RT[:, :training].mean(axis=1, keepdims=True)
    media = panel.array(panel.media)
    media /= np.maximum(media[:, :training].mean(axis=1, keepdims=True), 1e-12)
    controls = panel.array(panel.controls)
    controls -= controls[:, :training].mean(axis=1, keepdims=True)
    controls /= np.maximum(controls[:, :training].std(axis=(0, 1)), 1e-12)
    angle = 2 * np.pi * np.arange(T)[:, None] / 52.18 * np.array([1, 2])
    season = np.broadcast_to(np.hstack([np.sin(angle), np.cos(angle)]), (R, T, 4))
    intercept = np.broadcast_to(np.eye(R)[:, None, :], (R, T, R))
    X = np.concatenate([media, controls, season, intercept], axis=2)
    X_train = X[:, :training].reshape(R * training, -1)
    y = (target_RT / scale_R1)[:, :training].reshape(-1)
    coefficients = np.linalg.lstsq(X_train, y, rcond=None)[0]
    residual = y - X_train @ coefficients
    variance = residual @ residual / (len(y) - X.shape[2])
    deviation = np.sqrt(variance * np.diag(np.linalg.pinv(X_train.T @ X_train)))

    answer = exchange.Answer(f"numpy {np.__version__}", "least squares on untransformed media")
    answer.predict(panel, (X @ coefficients) * scale_R1)
    for c, column in enumerate(panel.media):
        multiple = (media[:, :training, c] * scale_R1).sum()
        center, half = multiple * coefficients[c], 1.645 * multiple * deviation[c]
        answer.contribution[column] = float(center)
        answer.interval[column] = (float(center - half), float(center + half))
    answer.write()


if __name__ == "__main__":
    main()
