"""How well can any estimator do on a synthetic panel? Readers who are told more than a fit, beside it.

  oracle.py [--dcmmm FILE] [--folder DIR] [--steps N] [--nation] [--exponents low,high] [--readers NAMES] [KINDS [SEEDS]]

Panels as in truth.py, the last 8 weeks held out. The first readers know the generator's variance components: noise,
both random walks, the regions' spread of responses and season, the national shock; the path of the coefficients; where
rows are missing, the media of these rows. Their estimates are those of least squares in the metric of that covariance,
with a prior N(0, 0.1^2) on a channel's share, and (but for `--nation`) with what the regions' residuals say of their
own responses. They know
  curves   the true decay, exponent and half-saturation of every channel
  ranges   only the ranges that these were drawn from: means over their posterior (random-walk Metropolis from the
           truth, `--steps` steps, the first fifth dropped). Where its model is the generator's, no estimator has a
           smaller expected squared error than this one but by knowing more about the shares
  wide     the same, with exponents from 1 to 3.5: a program isn't told which of the two ranges a panel is from either
  filled   ranges, with the media of missing rows filled as the program does it (ragged panels only)
  dcmmm    nothing: `dcmmm train model.estimator=likelihood` on the same panel
Scores as in truth.py (total, share, roi_rank, skill); `sd` is the posterior's standard deviation of the total, points.
Needs numpy and h5py (launch/requirements-test.txt).
"""

import argparse
import csv
import math
import pathlib
import statistics
import sys

import h5py
import numpy

import truth

# R regions, T weeks (the first N to train on), C channels, F fixed terms. All in units of a region's size.
KINDS = ("clean", "season", "collinear", "heavy_tailed", "ragged", "drifting")
HOLDOUT = 8
WEEKS_BEFORE = 4                 # that fill a missing row (model/missing_media.hpp)
SHARE_SD, LEVEL_SD = 0.1, 3.0
HEIGHT_SD, SEASON_SD = 0.2, 0.2  # relative spread over regions, in the generator
SHOCK_SD = 0.04                  # of a heavy-tailed panel's weeks
HALF_SATURATION = (0.5, 2.0)
DECAY = (0.1, 0.8)
WIDE = (min(low for low, _ in truth.EXPONENTS.values()), max(high for _, high in truth.EXPONENTS.values()))


def filled(media_RTC, observed_RT):
    """Media of missing rows as the program fills them."""
    out_RTC = media_RTC.copy()
    for media_TC, observed_T in zip(out_RTC, observed_RT):
        seen = numpy.flatnonzero(observed_T)
        media_TC[:seen[0]] = media_TC[seen[:WEEKS_BEFORE]].mean(0)
        for t in range(seen[0] + 1, len(media_TC)):
            if not observed_T[t]:
                media_TC[t] = media_TC[max(0, t - WEEKS_BEFORE):t].mean(0)
    return out_RTC


class Panel:
    """A panel in units of the regions' sizes, with the covariance that the generator gave it. `complete`: null, or the
    file of the same panel with all its rows, whose media are then known. `nation`: shares are of the nation's
    response."""

    def __init__(self, folder, known, complete=None, nation=False):
        with h5py.File(folder / "panel.h5") as file:
            size_R = file["population"][:]
            self.target_RT = file["target"][:] / size_R[:, None]
            media_RTC = file["media"][:]
            control_RTK = file["controls"][:]
            self.observed_RT = file["observed"][:] > 0
        if complete is not None:
            with h5py.File(complete) as file:
                media_RTC = file["media"][:]
        elif not self.observed_RT.all():
            media_RTC = filled(media_RTC, self.observed_RT)
        self.size_R, self.known, self.nation = size_R, known, nation
        channels, options = known["channels"], known["options"]
        self.media_RTC = media_RTC / (size_R[:, None, None] * numpy.array([c["media_unit"] for c in channels]))
        self.shapes_3C = numpy.array([[c[key] for c in channels] for key in ("decay", "exponent", "half_saturation")])
        R, T, C = self.media_RTC.shape
        self.training = N = T - HOLDOUT
        coefficient_TC = numpy.array([c["coefficient"] for c in channels]).T
        self.path_TC = coefficient_TC / coefficient_TC.mean(0)
        year_T = 2 * math.pi * numpy.arange(T) / (365.25 / 7)
        season_TS = numpy.stack([f(n * year_T) for n in (1, 2) for f in (numpy.sin, numpy.cos)], 1)
        self.other_RTF = numpy.concatenate([control_RTK, numpy.broadcast_to(season_TS, (R, T, 4))], 2)
        # Covariance of a region's own effects, and of what all regions share.
        walk_TT = numpy.minimum.outer(numpy.arange(1, T + 1), numpy.arange(1, T + 1)).astype(float)
        response_RTC = self.response(self.shapes_3C)
        height_C = numpy.array([c["contribution"] for c in channels]) / self.total(response_RTC, T)
        season_T = options["seasonality"] * (numpy.sin(year_T + 0.5) + 0.4 * numpy.cos(2 * year_T))
        self.spread_RTC = HEIGHT_SD * height_C * response_RTC
        spread_RTS = numpy.concatenate([self.spread_RTC,
                                        numpy.broadcast_to(SEASON_SD * season_T[:, None], (R, T, 1))], 2)
        own_TT = options["region_drift"] ** 2 * walk_TT + LEVEL_SD ** 2
        self.own_RTT = own_TT + spread_RTS @ spread_RTS.transpose(0, 2, 1)
        self.national_TT = options["national_drift"] ** 2 * walk_TT
        shock = SHOCK_SD ** 2 * numpy.eye(N) if options["kind"] == "heavy_tailed" else 0.0
        covariance_RNN = self.own_RTT[:, :N, :N] + options["noise"] ** 2 * numpy.eye(N)
        # Of observed cells; zero elsewhere, so that the others have no say.
        self.inverse_RNN = numpy.zeros_like(covariance_RNN)
        for inverse_NN, covariance_NN, observed_T in zip(self.inverse_RNN, covariance_RNN, self.observed_RT):
            seen = numpy.ix_(observed_T[:N], observed_T[:N])
            inverse_NN[seen] = numpy.linalg.inv(covariance_NN[seen])
        self.shared_NN = numpy.linalg.inv(numpy.linalg.inv(self.national_TT[:N, :N] + shock)
                                          + self.inverse_RNN.sum(0))
        self.spend_C = numpy.array([sum(c["media_by_week"][:N]) for c in channels])
        target = sum(known["by_week"]["target"][:N])
        self.target = target
        self.true_share_C = numpy.array([sum(c["contribution_by_week"][:N]) for c in channels]) / target
        self.solved_other_RNF = self.solve(self.other_RTF[:, :N])
        self.solved_target_RN = self.solve(self.target_RT[:, :N, None])[:, :, 0]

    def response(self, shapes_3C):
        """Carry-over, Hill curve and the coefficients' path over all weeks."""
        decay_C, exponent_C, half_C = shapes_3C
        carried_RTC = numpy.empty_like(self.media_RTC)
        state_RC = numpy.zeros(self.media_RTC[:, 0].shape)
        for t in range(self.media_RTC.shape[1]):
            state_RC = decay_C * state_RC + (1 - decay_C) * self.media_RTC[:, t]
            carried_RTC[:, t] = state_RC
        return self.path_TC / (1 + (carried_RTC / half_C) ** -exponent_C)

    def total(self, response_RTC, weeks):
        return numpy.einsum("r,rt,rtc->c", self.size_R, self.observed_RT[:, :weeks], response_RTC[:, :weeks])

    def shares(self, mean_F, columns_RTF):
        """The channels' shares of the target: the nation's, and what regions' own responses add to them."""
        N, C = self.training, self.spread_RTC.shape[2]
        if self.nation:
            return mean_F[:C]
        weight_RN = self.solve((self.target_RT[:, :N] - columns_RTF[:, :N] @ mean_F)[:, :, None])[:, :, 0]
        own_RC = numpy.einsum("rnc,rn->rc", self.spread_RTC[:, :N], weight_RN)  # in units of their sd
        sum_RC = numpy.einsum("rn,rnc->rc", self.observed_RT[:, :N], self.spread_RTC[:, :N])
        return mean_F[:C] + self.size_R @ (own_RC * sum_RC) / self.target

    def solve(self, columns_RNF):
        """The inverse covariance of all training cells times columns."""
        own_RNF = self.inverse_RNN @ columns_RNF
        return own_RNF - self.inverse_RNN @ (self.shared_NN @ own_RNF.sum(0))

    def fit(self, shapes_3C):
        """Log marginal likelihood, mean and covariance of [shares, others], and the columns they belong to."""
        N = self.training
        response_RTC = self.response(shapes_3C)
        share_RTC = response_RTC * (self.target / self.total(response_RTC, N))
        columns_RTF = numpy.concatenate([share_RTC, self.other_RTF], 2)
        C = share_RTC.shape[2]
        solved_RNF = numpy.concatenate([self.solve(share_RTC[:, :N]), self.solved_other_RNF], 2)
        flat = columns_RTF[:, :N].reshape(-1, columns_RTF.shape[2])
        gram_FF = flat.T @ solved_RNF.reshape(flat.shape)
        gram_FF[numpy.diag_indices(C)] += 1 / SHARE_SD ** 2  # flat for the others
        right_F = flat.T @ self.solved_target_RN.reshape(-1)
        mean_F = numpy.linalg.solve(gram_FF, right_F)
        log = 0.5 * right_F @ mean_F - 0.5 * numpy.linalg.slogdet(gram_FF)[1]
        return log, mean_F, numpy.linalg.inv(gram_FF), columns_RTF

    def curvature(self, width_3):
        """Information of the training weeks on the shapes at the truth, linear terms profiled out (Gauss-Newton)."""
        N = self.training
        _, mean_F, covariance_FF, columns_RTF = self.fit(self.shapes_3C)
        size = self.shapes_3C.size
        moves = []
        for i in range(size):
            step = 1e-3 * width_3[i // self.shapes_3C.shape[1], 0]
            moved_3C = self.shapes_3C + step * (numpy.arange(size) == i).reshape(self.shapes_3C.shape)
            moves.append((self.fit(moved_3C)[3][:, :N] - columns_RTF[:, :N]) @ mean_F / step)
        jacobian_RNM = numpy.stack(moves, 2)
        solved = self.solve(jacobian_RNM).reshape(-1, size)
        on_linear_FM = columns_RTF[:, :N].reshape(-1, len(mean_F)).T @ solved
        return jacobian_RNM.reshape(-1, size).T @ solved - on_linear_FM.T @ covariance_FF @ on_linear_FM

    def forecast_error(self, mean_F, columns_RTF):
        """Holdout RMSE in units of the target of the best linear forecast at these terms."""
        N = self.training
        residual_RN = self.target_RT[:, :N] - columns_RTF[:, :N] @ mean_F
        weight_RN = self.solve(residual_RN[:, :, None])[:, :, 0]
        ahead_RH = (columns_RTF[:, N:] @ mean_F + numpy.einsum("rhn,rn->rh", self.own_RTT[:, N:, :N], weight_RN)
                    + self.national_TT[N:, :N] @ weight_RN.sum(0))
        error_RH = (ahead_RH - self.target_RT[:, N:]) * self.size_R[:, None]
        return math.sqrt((error_RH[self.observed_RT[:, N:]] ** 2).mean())

    def scores(self, share_C, forecast=math.nan, best_naive=math.nan, sd=math.nan):
        return {"total": 100 * abs(share_C.sum() - self.true_share_C.sum()),
                "share": 100 * statistics.fmean(abs(share_C - self.true_share_C)),
                "roi_rank": truth.spearman(list(share_C / self.spend_C), list(self.true_share_C / self.spend_C)),
                "skill": best_naive / forecast, "sd": sd}


def posterior(panel, exponents, steps, seed):
    """Means over the posterior of shares and forecast, and the total's standard deviation."""
    low_3, high_3 = numpy.array([DECAY, exponents, HALF_SATURATION]).T
    width_3 = (high_3 - low_3)[:, None]
    random = numpy.random.default_rng(seed)
    shapes_3C = panel.shapes_3C
    log, mean_F, covariance_FF, columns_RTF = panel.fit(shapes_3C)
    share_C = panel.shares(mean_F, columns_RTF)
    C = shapes_3C.shape[1]
    # Steps along what the data leave open: the inverse of the curvature at the truth and of the ranges' variance.
    curvature = panel.curvature(width_3) + numpy.diag((12 / width_3 ** 2).repeat(C, 1).ravel())
    proposal = 1.7 / math.sqrt(3 * C) * numpy.linalg.cholesky(numpy.linalg.inv(curvature))
    shares, totals, accepted = [], [], 0
    for number in range(steps):
        trial_3C = shapes_3C + (proposal @ random.standard_normal(3 * C)).reshape(3, C)
        if ((trial_3C > low_3[:, None]) & (trial_3C < high_3[:, None])).all():
            trial = panel.fit(trial_3C)
            if math.log(random.random()) < trial[0] - log:
                shapes_3C, (log, mean_F, covariance_FF, columns_RTF) = trial_3C, trial
                share_C = panel.shares(mean_F, columns_RTF)
                accepted += 1
        if number >= steps // 5:
            shares.append(share_C)
            totals.append((mean_F[:C].sum(), covariance_FF[:C, :C].sum()))
    totals = numpy.array(totals)
    sd = 100 * math.sqrt(totals[:, 0].var() + totals[:, 1].mean())
    return numpy.mean(shares, 0), sd, accepted / steps


def best_naive(folder):
    """RMSE of the best naive forecast of the run in folder."""
    metrics = truth.json.loads((folder / "run/metrics.json").read_text(encoding="utf-8"))
    return metrics["skill"] * metrics["holdout"]["rmse"]


def one_panel(arguments, kind, exponents, seed):
    """Scores of the readers: {reader: scores}."""
    folder = arguments.folder / f"{kind}_{exponents}_{seed}"
    known = truth.make_panel(arguments.dcmmm, folder, kind, exponents, seed)
    fitted = truth.fit_and_score(arguments.dcmmm, folder, known, ["model.estimator=likelihood"])
    naive = best_naive(folder)
    complete = None
    if kind == "ragged":
        complete = folder / "complete.h5"
        truth.call(arguments.dcmmm, "synth", f"output={complete}", "synth.kind=clean", "synth.missing_rows=0",
                   *(f"synth.{name}={known['options'][name]}" for name in
                     ("regions", "weeks", "channels", "controls", "seed", "noise", "exponent_low", "exponent_high")),
                   f"synth.media_share={known['options']['media_share']}", "synth.spend=true")
    panel = Panel(folder, known, complete, arguments.nation)
    _, mean_F, covariance_FF, columns_RTF = panel.fit(panel.shapes_3C)
    C = panel.shapes_3C.shape[1]
    out = {"curves": panel.scores(panel.shares(mean_F, columns_RTF), panel.forecast_error(mean_F, columns_RTF), naive,
                                  100 * math.sqrt(covariance_FF[:C, :C].sum()))}
    readers = {"ranges": (panel, truth.EXPONENTS[exponents]), "wide": (panel, WIDE)}
    if kind == "ragged":
        readers["filled"] = (Panel(folder, known, nation=arguments.nation), truth.EXPONENTS[exponents])
    for reader, (of_panel, of_exponents) in readers.items() if arguments.steps > 0 else ():
        if reader not in arguments.readers.split(","):
            continue
        share_C, sd, accepted = posterior(of_panel, of_exponents, arguments.steps, seed)
        out[reader] = panel.scores(share_C, sd=sd)
        print(f"{kind} {exponents} {seed} {reader}: {100 * accepted:.0f} % of the steps accepted", file=sys.stderr,
              flush=True)
    out["dcmmm"] = {name: fitted.get(name, math.nan) for name in ("total", "share", "roi_rank", "skill", "sd")}
    return out


def main():
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/release/bench/oracle"))
    parser.add_argument("--exponents", default="low,high")
    parser.add_argument("--nation", action="store_true", help="leave out what residuals say of regions' own responses")
    parser.add_argument("--readers", default="ranges,wide,filled", help="those that average over curves")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("kinds", nargs="?", default=",".join(KINDS))
    parser.add_argument("seeds", nargs="?", default="5")
    arguments = parser.parse_args()
    kinds, seeds = arguments.kinds.split(","), truth.seed_list(arguments.seeds)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        sys.exit(f"Unknown kind '{unknown[0]}': expected {', '.join(KINDS)}.")
    rows = []
    names = ["total", "share", "roi_rank", "skill", "sd"]
    print(f"{'kind':14}{'exponents':11}{'reader':8}" + "".join(f"{name:>10}" for name in names))
    for exponents in arguments.exponents.split(","):
        for kind in kinds:
            of_seeds = [one_panel(arguments, kind, exponents, seed) for seed in seeds]
            for reader in of_seeds[0]:
                line = f"{kind:14}{exponents:11}{reader:8}"
                for name in names:
                    values = [of[reader][name] for of in of_seeds]
                    rows += [[kind, exponents, seed, reader, name, value] for seed, value in zip(seeds, values)]
                    mean = statistics.fmean(values)
                    line += f"{'-' if math.isnan(mean) else f'{mean:.3f}':>10}"
                print(line, flush=True)
    with open(arguments.folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["kind", "exponents", "seed", "reader", "score", "value"], *rows])


if __name__ == "__main__":
    main()
