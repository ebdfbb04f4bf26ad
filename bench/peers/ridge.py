"""Plain ridge in closed form: media carried over by half, logarithms of them, controls, two yearly harmonics.

Everything relative to the region's mean; intercepts, season and a linear trend by region, media and controls shared.
The penalty is the best of a grid on the training weeks' last three windows of a holdout's length. Intervals are the Gaussian posterior's.
Shapes: R regions, T weeks, C channels, P columns, N = R T cells.
"""

import exchange
import numpy as np

PENALTIES = 10.0 ** np.arange(-1, 5)
DECAY = 0.5


def carried_over(media_RTC):
    out = np.empty_like(media_RTC)
    carried = media_RTC[:, 0]
    for t in range(media_RTC.shape[1]):
        carried = DECAY * carried + (1 - DECAY) * media_RTC[:, t]
        out[:, t] = carried
    return out


def design(media_RTC, controls_RTK, training):
    """R x T x (C + K) shared columns and T x S columns that each region has for itself."""
    R, T, C = media_RTC.shape
    media = media_RTC / np.maximum(media_RTC[:, :training].mean(axis=1, keepdims=True), 1e-12)
    media = np.log1p(carried_over(media))
    level = controls_RTK[:, :training].mean(axis=1, keepdims=True)
    spread = np.maximum(controls_RTK[:, :training].std(axis=1, keepdims=True), 1e-12)
    angle = 2 * np.pi * np.arange(T)[:, None] / 52.18 * np.array([1, 2])
    own_TS = np.hstack([np.ones((T, 1)), np.sin(angle), np.cos(angle), np.arange(T)[:, None] / training - 0.5])
    return np.concatenate([media, (controls_RTK - level) / spread], axis=2), own_TS


def fit(shared_RTP, own_TS, target_RT, penalty):
    """Coefficients and inverse of the normal equations; intercepts and the shared columns' level aren't penalised."""
    R, T, P = shared_RTP.shape
    S = own_TS.shape[1]
    X = np.zeros((R * T, P + R * S))
    for r in range(R):
        X[r * T:(r + 1) * T, :P] = shared_RTP[r]
        X[r * T:(r + 1) * T, P + r * S:P + (r + 1) * S] = own_TS
    weight = np.full(P + R * S, penalty)
    weight[P::S] = 1e-6
    inverse = np.linalg.inv(X.T @ X + np.diag(weight))
    coefficients = inverse @ X.T @ target_RT.reshape(-1)
    return coefficients, inverse, target_RT.reshape(-1) - X @ coefficients


def forecast(shared_RTP, own_TS, coefficients):
    R, _, P = shared_RTP.shape
    own_RS = coefficients[P:].reshape(R, own_TS.shape[1])
    return shared_RTP @ coefficients[:P] + own_RS @ own_TS.T


def main():
    panel = exchange.panel_argument()
    target_RT = panel.array(["target"])[:, :, 0]
    T = len(panel.training_weeks)
    scale_R1 = target_RT[:, :T].mean(axis=1, keepdims=True)
    relative_RT = target_RT / scale_R1
    shared, own = design(panel.array(panel.media), panel.array(panel.controls), T)

    def error(penalty, end):
        fitted = fit(shared[:, :end], own[:end], relative_RT[:, :end], penalty)[0]
        window = slice(end, end + panel.holdout)
        return np.mean((forecast(shared, own, fitted)[:, window] - relative_RT[:, window]) ** 2)

    errors = [sum(error(penalty, T - i * panel.holdout) for i in (1, 2, 3)) for penalty in PENALTIES]
    penalty = PENALTIES[int(np.argmin(errors))]
    coefficients, inverse, residual = fit(shared[:, :T], own[:T], relative_RT[:, :T], penalty)

    # The sum of a channel's contributions is a multiple of its coefficient.
    C = len(panel.media)
    multiple_C = (shared[:, :T, :C] * scale_R1[:, :, None]).sum(axis=(0, 1))
    deviation_C = np.sqrt(residual.var() * np.diag(inverse)[:C])
    answer = exchange.Answer(f"numpy {np.__version__}", f"adstock .5, log, two harmonics and trend by region, penalty "
                             f"{penalty:g} chosen on training weeks")
    answer.predict(panel, forecast(shared, own, coefficients) * scale_R1)
    for c, column in enumerate(panel.media):
        answer.contribution[column] = float(multiple_C[c] * coefficients[c])
        half = 1.645 * deviation_C[c] * multiple_C[c]
        answer.interval[column] = (answer.contribution[column] - half, answer.contribution[column] + half)
    answer.write()


if __name__ == "__main__":
    main()
