"""The graph of channels from outside: what train writes and says, what export makes of it, and refusals."""

import json

import cli
import numpy as np


class Graph(cli.Case):
    def setUp(self):
        super().setUp()
        self.synth(regions=50, weeks=110, channels=6, controls=1, seed=3, graph_edges=6)
        self.truth = json.loads((self.folder / "truth.json").read_text())

    def pairs(self, name, *words, ranks=0):
        """Directed edges, lags ignored, and all rows of dag.csv."""
        self.train(name, "data.panel=panel.h5", *words, ranks=ranks)
        rows = cli.read_csv(self.export(name, f"{name}/csv") / "dag.csv")
        return {(row["source"], row["target"]) for row in rows if row["directed"] == "yes"}, rows

    def test_the_graph_reaches_every_file(self):
        found, rows = self.pairs("run")
        self.assertEqual(found, {(edge["source"], edge["target"]) for edge in self.truth["edges"]})
        for row in rows:
            self.assertLess(float(row["lower"]), float(row["weight"]))
            self.assertGreater(float(row["upper"]), float(row["weight"]))
            self.assertIn(row["direction_from"], ("time", "noise", ""))
        metrics = json.loads((self.folder / "run" / "metrics.json").read_text())
        self.assertLess(metrics["dag"]["h"], 1e-8)
        self.assertEqual(metrics["dag"]["edges"], len(rows))
        log = (self.folder / "run" / "train.log").read_text()
        self.assertIn("direction from", log)
        self.assertIn("Effects through other channels", log)
        summary = cli.read_csv(self.folder / "run" / "csv" / "channel_summary.csv")
        direct, indirect, total = (cli.column(summary, name) for name in ("direct", "indirect", "total"))
        np.testing.assert_allclose(direct + indirect, total, rtol=1e-6)
        np.testing.assert_array_equal(direct, cli.column(summary, "contribution"))
        sources = {edge["source"] for edge in self.truth["edges"]}
        for row in summary:
            self.assertEqual(float(row["indirect"]) != 0, row["channel"] in sources)
        # A plan says whose indirect effects it leaves out.
        done = self.dcmmm("plan", "run=run", "output=plan", "plan.horizon_weeks=4", "plan.starts=1", f"plan.locked=[{max(sources)}]")
        said = next(line for line in done.err.splitlines() if "moving spend on others" in line)
        self.assertEqual({name for name in sources if name in said}, sources - {max(sources)})

    def test_two_ranks_and_the_other_solver_find_the_same(self):
        found, rows = self.pairs("alone")
        again, others = self.pairs("ranks", ranks=2)
        self.assertEqual(found, again)
        np.testing.assert_allclose(cli.column(rows, "weight"), cli.column(others, "weight"), atol=1e-4)
        self.assertEqual(found, self.pairs("dagma", "model.dag.method=dagma")[0])

    def test_a_term_of_the_loss_finds_the_same_graph_and_leaves_the_fit_alone(self):
        words = ["model.estimator=descent", "model.hidden=4", "trainer.steps=30", "trainer.precision=float64"]
        found, rows = self.pairs("covariance", *words)
        predictions = (self.folder / "covariance/csv/prediction.csv").read_bytes()
        for ranks in (1, 2, 3):
            name = f"joint_{ranks}"
            again, others = self.pairs(name, *words, "model.dag.mode=joint", ranks=ranks)
            self.assertEqual(found, again)
            self.assertEqual([(row["source"], row["target"], row["lag"]) for row in rows],
                             [(row["source"], row["target"], row["lag"]) for row in others])
            np.testing.assert_allclose(cli.column(others, "weight"), cli.column(rows, "weight"), rtol=0, atol=1e-9)
            self.assertLess(json.loads((self.folder / name / "metrics.json").read_text())["dag"]["h"], 1e-8)
            terms = [float(row["graph"]) for row in cli.read_csv(self.folder / name / "history.csv")]
            self.assertEqual(len(terms), 30)
            self.assertLess(terms[-1], terms[0])
            if ranks == 1:
                self.assertEqual((self.folder / name / "csv/prediction.csv").read_bytes(), predictions)
            self.assertIn("steps along with the descent", (self.folder / name / "train.log").read_text())

    def test_it_changes_nothing_of_the_fit_and_can_be_left_out(self):
        self.pairs("with")
        found, rows = self.pairs("without", "model.dag.enabled=false")
        self.assertEqual((found, rows), (set(), []))
        prediction = [(self.folder / name / "csv" / "prediction.csv").read_bytes() for name in ("with", "without")]
        self.assertEqual(*prediction)
        metrics = json.loads((self.folder / "without" / "metrics.json").read_text())
        self.assertIsNone(metrics["dag"]["edges"])
        summary = cli.read_csv(self.folder / "without" / "csv" / "channel_summary.csv")
        self.assertEqual({row["indirect"] for row in summary}, {""})

    def test_a_wrong_name_is_refused(self):
        done = self.train("run", "data.panel=panel.h5", "model.dag.forbidden=['channel_1->channel_02']", code=2)
        self.assertIn("'model.dag.forbidden' holds 'channel_1->channel_02': the panel has no channel 'channel_1'.", done.err)


if __name__ == "__main__":
    cli.main()
