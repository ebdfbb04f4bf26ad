"""Any number of ranks fits the same model: to rounding in float64, to the bit where trainer.deterministic=true."""

import unittest

import numpy as np

import cli

STEPS = 50


class Ranks(cli.Case):
    def setUp(self):
        super().setUp()
        # 7 regions of unequal length over 2 and 3 ranks: no shard is like another.
        self.panel = self.synth(regions=7, weeks=70, missing_rows=0.1)
        self.settings = [f"data.panel={self.panel}", f"trainer.steps={STEPS}", "checkpoint.every_steps=1000"]

    def fitted(self, name, *words, ranks):
        self.train(name, *self.settings, *words, ranks=ranks)
        self.export(name, f"{name}_csv")
        history = cli.read_csv(self.folder / name / "history.csv")
        self.assertEqual(len(history), STEPS)
        return history

    def test_float64_agrees_on_1_2_and_3_ranks(self):
        words = ["trainer.precision=float64", "trainer.early_stopping=false"]
        expected = self.fitted("on_1", *words, ranks=1)
        prediction = cli.read_csv(self.folder / "on_1_csv/prediction.csv")
        observed = {row["region"]: [] for row in prediction}
        for row in prediction:
            if row["actual"]:
                observed[row["region"]].append(float(row["actual"]))
        self.assertEqual(len(observed), 7)
        self.assertGreater(len({len(actual) for actual in observed.values()}), 2, "the regions should be uneven")
        parts = cli.read_csv(self.folder / "on_1_csv/contributions.csv")
        allowed = 1e-6 * np.array([np.mean(observed[row["region"]]) for row in parts])
        losses = cli.column(expected, "loss")
        self.assertLess(losses[-1], losses[0])
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                history = self.fitted(f"on_{ranks}", *words, ranks=ranks)
                np.testing.assert_allclose(cli.column(history, "loss"), losses, rtol=1e-10, atol=0)
                found = cli.read_csv(self.folder / f"on_{ranks}_csv/contributions.csv")
                named = [(row["region"], row["week"], row["component"]) for row in found]
                self.assertEqual(named, [(row["region"], row["week"], row["component"]) for row in parts])
                self.assertTrue((abs(cli.column(found, "value") - cli.column(parts, "value")) <= allowed).all())

    def test_the_reference_agrees_on_1_2_and_3_ranks(self):
        words = ["model=reference", "model.hidden=4", "model.adjacency.kind=notears", "trainer.precision=float64",
                 "trainer.early_stopping=false"]  # fmt: skip
        expected, *others = (cli.column(self.fitted(f"on_{ranks}", *words, ranks=ranks), "loss") for ranks in (1, 2, 3))
        for found in others:
            np.testing.assert_allclose(found, expected, rtol=1e-10)

    # Layouts: ranks and threads of each.
    def same_bits(self, precision, layouts):
        words = ["trainer.deterministic=true", f"trainer.precision={precision}"]
        results = []
        for ranks, threads in layouts:
            name = f"on_{ranks}_{threads}"
            history = self.fitted(name, *words, f"trainer.threads={threads}", ranks=ranks)
            for row in history:
                del row["seconds"]
            results.append((history, cli.hashes(self.folder / f"{name}_csv")))
        for layout, (history, files) in zip(layouts[1:], results[1:], strict=True):
            with self.subTest(ranks=layout[0], threads=layout[1]):
                self.assertEqual(history, results[0][0])
                self.assertIn("contributions.csv", files)
                self.assertEqual(files, results[0][1])

    def test_deterministic_float32_gives_the_same_bits(self):
        self.same_bits("float32", [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2)])

    def test_deterministic_float64_gives_the_same_bits(self):
        self.same_bits("float64", [(1, 1), (2, 1), (3, 2)])

    def likelihood_on(self, name, *words, ranks):
        self.train(name, f"data.panel={self.panel}", "model.estimator=likelihood", "ensemble.members=3", *words, ranks=ranks)
        self.export(name, f"{name}_csv")
        return cli.read_csv(self.folder / f"{name}_csv/channel_summary.csv")

    def test_the_likelihood_agrees_on_1_2_and_3_ranks(self):
        expected = self.likelihood_on("likelihood_1", ranks=1)
        total = cli.column(expected, "contribution").sum()
        self.assertGreater(total, 0)
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                found = self.likelihood_on(f"likelihood_{ranks}", ranks=ranks)
                for figure in ("contribution", "contribution_lower", "contribution_upper"):
                    # The search for the variance components ends within a tolerance, not at the last digit.
                    np.testing.assert_allclose(
                        cli.column(found, figure), cli.column(expected, figure), rtol=0, atol=1e-3 * total
                    )

    def test_coefficients_that_move_agree_on_1_and_3_ranks(self):
        self.panel = self.synth("drifting.h5", kind="drifting", regions=12, weeks=130, channels=2, controls=1)
        shares = []
        for ranks in (1, 3):
            found = self.likelihood_on(f"drifting_{ranks}", ranks=ranks)
            self.assertIn("so they move", (self.folder / f"drifting_{ranks}/train.log").read_text())
            weekly = [float(row["value"]) for row in cli.read_csv(self.folder / f"drifting_{ranks}_csv/contributions.csv")
                      if row["component"].startswith("media:")]  # fmt: skip
            shares.append((cli.column(found, "contribution"), np.array(weekly)))
        (expected, of_week), (other, other_of_week) = shares
        np.testing.assert_allclose(other, expected, rtol=0, atol=1e-3 * expected.sum())
        self.assertLess(np.abs(other_of_week - of_week).max(), 0.01 * of_week.max())

    def test_a_deterministic_likelihood_gives_the_same_bits(self):
        files = []
        for ranks, threads in ((1, 1), (2, 1), (3, 1), (1, 2)):
            name = f"same_{ranks}_{threads}"
            self.likelihood_on(name, "trainer.deterministic=true", f"trainer.threads={threads}", ranks=ranks)
            files.append(cli.hashes(self.folder / f"{name}_csv"))
        for other in files[1:]:
            self.assertEqual(other, files[0])

    def test_more_ranks_than_regions(self):
        small = self.synth("small.h5", regions=2)
        words = [f"data.panel={small}", "trainer.precision=float64"]
        for ranks in (1, 3):
            self.train(f"small_{ranks}", *words, ranks=ranks)
            self.export(f"small_{ranks}", f"small_{ranks}_csv")
        found, expected = (cli.read_csv(self.folder / f"small_{ranks}_csv/prediction.csv") for ranks in (3, 1))
        np.testing.assert_allclose(cli.column(found, "predicted"), cli.column(expected, "predicted"), rtol=1e-8)

    def test_members_on_a_mesh_of_ranks(self):
        words = ["ensemble.members=2", "trainer.precision=float64"]
        self.fitted("side_by_side", *words, ranks=1)
        self.fitted("on_two_rows", *words, "mesh.members=2", ranks=2)
        found, expected = (cli.read_csv(self.folder / f"{n}_csv/prediction.csv") for n in ("on_two_rows", "side_by_side"))
        np.testing.assert_allclose(cli.column(found, "predicted"), cli.column(expected, "predicted"), rtol=1e-8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
