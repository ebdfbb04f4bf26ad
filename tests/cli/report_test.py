"""The report in a real browser: every view drawn, its choices work, its numbers are the exported ones, no network."""

import csv
import io
import json
import re
import time

import cli
from chromium import Chromium

# Each view, and the least number of marks that it draws on the panels below.
VIEWS = {
    "training": 3, "total": 3, "region": 3, "residuals": 60, "holdout": 40, "rolling": 8, "contributions": 100, "waterfall": 5, "shares": 4,
    "lines": 2, "roi": 5, "coefficients": 3, "curves": 6, "saturation": 6, "adstock": 7, "network": 5, "heatmap": 1,
    "indirect": 7, "regions": 20, "budget": 0, "scenarios": 6, "data": 4,
}  # fmt: skip
MARKS = ".points > *, .bars .point path, path.js-line, .heatmaplayer image, path.edge, .node"
# Names that would be markup, a formula or something else where they stand.
EVIL = ["</script><script>evil()</script>", "=cmd()|' /C calc'!A0", "<img src=x onerror=evil()>", "Kanal \u00fc \u2028 \"x\", y"]


def embedded(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


class Report(cli.Case):
    def report(self, run, *words, output="report.html", **options):
        self.dcmmm("report", f"run={self.folder / run}", f"output={self.folder / output}", *words, **options)
        return self.folder / output

    def assert_quiet(self, browser, page):
        self.assertEqual(browser.errors, [])
        asked = [url for url in browser.requests if not url.startswith(("data:", "blob:"))]
        self.assertEqual(set(asked), {page.as_uri()})

    def marks(self, browser, view):
        return browser.run(f"document.querySelectorAll({json.dumps(f'#{view} ')} + {json.dumps(MARKS)}.split(', ').join({json.dumps(f', #{view} ')})).length")

    def choose(self, browser, view, place, value):
        """Sets the view's select number `place`, as a user would."""
        browser.run(f"""(() => {{ const list = document.querySelectorAll("#{view} select")[{place}]; list.value = {json.dumps(value)};
                        list.dispatchEvent(new Event("change")); return list.value; }})()""")

    def shown(self, browser, view, table):
        """The rows of an opened table: exact values by column."""
        browser.run(f"""document.querySelectorAll("#{view} details").forEach((one) => {{ one.open = true; one.dispatchEvent(new Event("toggle")); }})""")
        head, rows = browser.run(f"""(() => {{ const table = document.querySelector('#{view} table[data-table="{table}"]');
            const text = (cell) => cell.hasAttribute("data-value") ? cell.dataset.value : cell.textContent;
            return [[...table.tHead.rows[0].cells].map((cell) => cell.textContent.replaceAll(" ", "_")), [...table.tBodies[0].rows].map((row) => [...row.cells].map(text))]; }})()""")
        return [dict(zip(head, row)) for row in rows]

    def assert_same_rows(self, shown, exported):
        self.assertEqual(len(shown), len(exported))
        for row, other in zip(shown, exported):
            for column, value in row.items():
                expected = other[column]
                if value != expected:  # numbers may be written otherwise, but are the same to the bit
                    self.assertEqual(float(value), float(expected), (column, row, other))

    def test_in_a_browser(self):
        self.synth(regions=24, weeks=110, channels=6, controls=1, seed=3, graph_edges=6)
        self.train("run", "data.panel=panel.h5", "ensemble.members=3")
        self.dcmmm("crossval", "run.dir=cv", "data.panel=panel.h5", "crossval.windows=2", *cli.QUICK)
        csv_folder = self.export("run", "csv")
        page = self.report("run", "report.crossval=cv")
        with Chromium() as browser:
            browser.open(page)
            self.assertEqual(browser.run("[...document.querySelectorAll('section.view')].map((view) => view.id)"), list(VIEWS))
            for view, least in VIEWS.items():
                self.assertGreaterEqual(self.marks(browser, view), least, view)
            self.assertEqual(browser.run("document.querySelectorAll('.missing').length"), 1)  # no plan
            self.assertIn("dcmmm plan", browser.run("document.querySelector('#budget .missing').textContent"))
            self.a_view_says_what_it_shows(browser)
            self.numbers_are_the_exported_ones(browser, csv_folder)
            self.choices_work(browser, csv_folder)
            self.the_theme_switches(browser)
            self.the_network_moves(browser)
            self.pictures_can_be_saved(browser)
            self.narrow_pages_fit(browser)
            self.assert_quiet(browser, page)

    def a_view_says_what_it_shows(self, browser):
        for selector in (".shows", ".watch"):
            texts = browser.run(f"[...document.querySelectorAll('section.view')].map((view) => view.querySelector('{selector}').textContent)")
            self.assertTrue(all(len(text) > 30 for text in texts))
        # Landmarks, one heading of the first rank, a name for whatever can be pressed or seen.
        self.assertEqual(browser.run("['header', 'nav', 'main', 'footer', 'h1'].map((kind) => document.querySelectorAll(kind).length)"), [1] * 5)
        nameless = "[...document.querySelectorAll('button, select, .chart, nav, section')].filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim() || (one.labels || []).length)).length"
        self.assertEqual(browser.run(nameless), 0)
        self.assertEqual(browser.run("[...document.querySelectorAll('nav a')].filter((link) => !document.querySelector(link.getAttribute('href'))).length"), 0)

    def numbers_are_the_exported_ones(self, browser, folder):
        read = lambda name: cli.read_csv(folder / name)
        by = lambda rows, column: {row[column]: row for row in rows}
        for view, name in (("shares", "channel_summary.csv"), ("roi", "channel_summary.csv"), ("indirect", "channel_summary.csv"), ("saturation", "saturation.csv"), ("adstock", "adstock.csv")):
            exported = by(read(name), "channel")
            rows = self.shown(browser, view, name)
            self.assertEqual({row["channel"] for row in rows}, set(exported))
            self.assert_same_rows(rows, [exported[row["channel"]] for row in rows])
        exported = by(read("regions.csv"), "region")
        rows = self.shown(browser, "regions", "regions.csv")
        self.assert_same_rows(rows, [exported[row["region"]] for row in rows])
        for view, name in (("total", "totals.csv"), ("network", "dag.csv"), ("residuals", "residual_distribution.csv"), ("holdout", "holdout.csv"), ("data", "correlations.csv"), ("data", "data_quality.csv")):
            self.assert_same_rows(self.shown(browser, view, name), read(name)[:300])
        # What the page would save is the file to the byte, but for quotes and the number's digits.
        saved = list(csv.DictReader(io.StringIO(browser.run("table('channel_summary.csv').csv()"))))
        self.assert_same_rows(saved, read("channel_summary.csv"))
        # What is drawn, not only what is listed.
        drawn = browser.run("[...document.querySelector('#total .chart').data].filter((trace) => trace.name === 'predicted')[0].y")
        self.assertEqual(list(drawn), [float(row["predicted"]) for row in read("totals.csv")])

    def choices_work(self, browser, folder):
        region = browser.run("report.run.detail[report.run.detail.length - 1]")
        self.choose(browser, "region", 0, region)
        expected = [row for row in cli.read_csv(folder / "prediction.csv") if row["region"] == region]
        drawn = browser.run("document.querySelector('#region .chart').data.filter((trace) => trace.name === 'predicted')[0].y")
        self.assertEqual(drawn, [float(row["predicted"]) for row in expected])
        self.assert_same_rows(self.shown(browser, "region", "prediction.csv"), expected)
        channel = browser.run("report.run.channels[1]")
        self.choose(browser, "lines", 0, channel)
        rows = [row for row in cli.read_csv(folder / "contributions_total.csv") if row["kind"] == "week" and row["component"] == f"media:{channel}"]
        self.assertEqual(browser.run("document.querySelector('#lines .chart').data.slice(-1)[0].y"), [float(row["value"]) for row in rows])
        # Returns of one channel by month.
        self.choose(browser, "roi", 0, channel)
        self.choose(browser, "roi", 1, "month")
        rows = [row for row in cli.read_csv(folder / "roi_by_period.csv") if row["kind"] == "month" and row["channel"] == channel]
        self.assertEqual(browser.run("document.querySelectorAll('#roi .chart')[1].data.filter((trace) => trace.name === 'ROI')[0].y"), [float(row["roi"]) for row in rows])
        self.assert_same_rows(self.shown(browser, "roi", "roi_by_period.csv"), rows)
        # The stack of one region and quarter holds what the file says.
        region = browser.run("report.run.components[0]")
        self.choose(browser, "contributions", 0, region)
        self.choose(browser, "contributions", 1, "quarter")
        sums = {}
        for row in cli.read_csv(folder / "contributions_by_period.csv"):
            if row["region"] == region and row["kind"] == "quarter":
                sums[row["period"]] = sums.get(row["period"], 0) + float(row["value"])
        stack = browser.run("(() => { const data = document.querySelector('#contributions .chart').data; return data[0].x.map((_, i) => data.reduce((sum, trace) => sum + trace.y[i], 0)); })()")
        for drawn, expected in zip(stack, sums.values()):
            self.assertAlmostEqual(drawn / expected, 1, places=9)
        # A region's own curve, with its interval, goes through its average week.
        self.choose(browser, "curves", 1, region)
        channel = browser.run("document.querySelector('#curves select').value")
        rows = [row for row in cli.read_csv(folder / "region_curves.csv") if (row["region"], row["channel"]) == (region, channel)]
        for chart, columns in enumerate((("lower", "upper", "response"), ("marginal_lower", "marginal_upper", "marginal"))):
            traces = browser.run(f"document.querySelectorAll('#curves .chart')[{chart}].data.map((trace) => [trace.name || '', trace.x, trace.y])")
            self.assertEqual([traces[0][2], traces[1][2]], [[float(row[column]) for row in rows] for column in columns[:2]])
            curve = dict(zip(traces[2][1] + traces[3][1], traces[2][2] + traces[3][2]))  # observed and beyond
            self.assertEqual(curve, {float(row["spend"]): float(row[columns[2]]) for row in rows})
            name, (x,), (y,) = traces[4]
            self.assertEqual(name, "average week")
            below, above = max(at for at in curve if at <= x), min(at for at in curve if at >= x)
            self.assertTrue(min(curve[below], curve[above]) * 0.99 <= y <= max(curve[below], curve[above]) * 1.01 or chart == 1)
        self.assertEqual(self.shown(browser, "curves", "region_curves.csv")[0]["region"], region)

    def the_theme_switches(self, browser):
        colors = "[getComputedStyle(document.body).backgroundColor, document.querySelector('#total .legend text').style.fill, document.getElementById('theme').getAttribute('aria-pressed')]"
        before = browser.run(colors)
        browser.run("document.getElementById('theme').click()")
        browser.wait_for(f"({colors})[1] !== {json.dumps(before[1])}")
        after = browser.run(colors)
        self.assertNotEqual(before[0], after[0])
        self.assertEqual({before[2], after[2]}, {"true", "false"})

    def the_network_moves(self, browser):
        edges = "[...document.querySelectorAll('#network path.edge')].map((edge) => edge.getAttribute('d')).join()"
        before = browser.run(edges)
        browser.run("document.querySelector('#network .node').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))")
        after = browser.run(edges)
        self.assertNotEqual(before, after)
        browser.run("document.getElementById('network').scrollIntoView()")
        box = browser.run("(() => { const box = document.querySelector('#network .node circle').getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        for kind, x, y in (("mousePressed", 0, 0), ("mouseMoved", 30, 20), ("mouseReleased", 30, 20)):
            browser.call("Input.dispatchMouseEvent", type=kind, x=box[0] + x, y=box[1] + y, button="left", buttons=1, clickCount=1)
        self.assertNotEqual(browser.run(edges), after)

    def pictures_can_be_saved(self, browser):
        charts = browser.run("document.querySelectorAll('.chart').length")
        self.assertEqual(browser.run("[...document.querySelectorAll('.chart')].map((chart) => chart.nextElementSibling.textContent)"), ["PNGSVG"] * charts)
        for form, start in (("png", "data:image/png;base64,iVBOR"), ("svg", "data:image/svg+xml,")):
            pictures = browser.run(f"Promise.all([...document.querySelectorAll('.chart')].map((chart) => Plotly.toImage(chart, {{format: '{form}'}}).then((url) => [url.slice(0, 26), url.length])))")
            self.assertEqual(len(pictures), charts)
            for head, length in pictures:
                self.assertTrue(start.startswith(head[:len(start)]) and length > 3000, (head, length))
        # The buttons leave files.
        browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(self.folder / "saved"))
        for number, name in enumerate(("shares.png", "shares.svg", "network.svg")):
            place = f"document.querySelectorAll('#{name.split('.')[0]} .save button')[{1 if name == 'shares.svg' else 0}]"
            browser.run(f"{place}.click()")
            file = self.folder / "saved" / name
            deadline = time.monotonic() + 20
            while not (file.exists() and file.stat().st_size > 1000):
                self.assertLess(time.monotonic(), deadline, name)
                time.sleep(0.1)
            self.assertEqual(len(list((self.folder / "saved").iterdir())), number + 1)
        self.assertIn("<svg", browser.run("networkFile(document.querySelector('#network svg')).slice(0, 200)"))

    def narrow_pages_fit(self, browser):
        for width in (1280, 390):
            browser.resize(width, 900)
            browser.wait_for(f"innerWidth === {width} && [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('.main-svg').clientWidth <= chart.clientWidth + 1)")
            self.assertLessEqual(browser.run("document.documentElement.scrollWidth"), width)

    def test_names_stay_names(self):
        rows = cli.table(regions=3, channels=2, controls=1)
        for row in rows:
            row["region"] = {"r0": EVIL[0], "r1": EVIL[1], "r2": EVIL[3]}[row["region"]]
        cli.write_table(self.folder / "sales.csv", rows)
        names = "+data.names={media_0: '%s', media_1: '%s'}" % (EVIL[0].replace("'", "''"), EVIL[2])
        self.train("run", "data.source=sales.csv", "data.target=sales", names)
        page = self.report("run")
        self.assertEqual(set(embedded(page)["run"]["channels"]), {EVIL[0], EVIL[2]})
        self.assertEqual(set(embedded(page)["tables"]["regions.csv"]["values"]["region"]["labels"]), {EVIL[0], EVIL[1], EVIL[3]})
        self.assertNotIn("<script>evil", page.read_text())
        with Chromium() as browser:
            browser.open(page)
            self.assertEqual(browser.run("document.querySelectorAll('img, script').length"), 3)
            self.assertEqual(browser.run("[...document.querySelectorAll('#region select option')].map((option) => option.value)"),
                             sorted({row["region"] for row in rows}, key=[row["region"] for row in rows].index))
            # The page shows the names themselves; what it saves is safe in a spreadsheet, as the exported files are.
            self.assertIn(EVIL[1], [row["region"] for row in self.shown(browser, "regions", "regions.csv")])
            saved = {row["region"] for row in csv.DictReader(io.StringIO(browser.run("table('regions.csv').csv()")))}
            self.assertEqual(saved, {EVIL[0], "'" + EVIL[1], EVIL[3]})
            self.assert_quiet(browser, page)
            # No ensemble, no crossval, no plan: each view says so, with the command.
            self.assertIn("ensemble.members=16", browser.run("document.querySelector('#shares .missing').textContent"))
            self.assertIn("dcmmm crossval", browser.run("document.querySelector('#rolling .missing').textContent"))

    def test_two_reports_are_the_same_bytes(self):
        self.synth()
        self.train("run", "data.panel=panel.h5")
        first, second = self.report("run"), self.report("run", output="again.html")
        self.assertEqual(first.read_bytes(), second.read_bytes())
        self.assertNotRegex(first.read_text().split("<script>")[0], r"20\d\d-\d\d-\d\dT|GMT")
        self.assertLess(first.stat().st_size, 7e6)
        # A plan appears when its files do.
        (self.folder / "run" / "plan").mkdir()
        channels = embedded(first)["run"]["channels"]
        (self.folder / "run/plan/plan.json").write_text(json.dumps({"budget": 10, "horizon_weeks": 4, "first_week": "61", "last_week": "64", "now_first_week": "57", "now_last_week": "60", "level": "channel", "kept": []}))
        header = "channel,spend_now,spend_plan,lower,upper,outcome_now,outcome_now_lower,outcome_now_upper,outcome_plan,outcome_plan_lower,outcome_plan_upper,roi_now,roi_plan,marginal_now,marginal_plan,identified,status\n"
        (self.folder / "run/plan/channels.csv").write_text(header + "".join(f"{channel},1,2,0,4,5,4,6,7,6,8,1,1,1,1,1,free\n" for channel in channels))
        (self.folder / "run/plan/scenarios.csv").write_text("scenario,spend,outcome,outcome_lower,outcome_upper,gain,gain_lower,gain_upper,roi,roi_lower,roi_upper\ntoday,1,2,1,3,0,0,0,2,1,3\nplan,1,3,2,4,1,0,2,3,2,4\n")
        rows = [(channel, region, week) for channel in channels for region in ("a", "b") for week in ("61", "62", "63")]
        (self.folder / "run/plan/plan.csv").write_text("channel,region,week,spend_now,spend_plan,lower,upper,extrapolates\n" + "".join(f"{','.join(row)},1,{i},0,9,0\n" for i, row in enumerate(rows)))
        page = self.report("run", output="plan.html")
        with Chromium() as browser:
            browser.open(page)
            self.assertGreaterEqual(self.marks(browser, "budget"), 4 * len(channels))
            self.assertEqual([row["spend_plan"] for row in self.shown(browser, "budget", "plan/channels.csv")], ["2"] * len(channels))
            self.assertEqual([row["scenario"] for row in self.shown(browser, "scenarios", "plan/scenarios.csv")], ["today", "plan"])
            bars = browser.run("document.querySelectorAll('#budget .chart')[2].data.map((trace) => trace.y)")
            self.assertEqual(bars, [[sum(i for i, row in enumerate(rows) if (row[0], row[2]) == (channel, week)) for week in ("61", "62", "63")] for channel in channels] + [[2 * len(channels)] * 3])
            self.assert_quiet(browser, page)

    def test_wrong_requests(self):
        self.synth()
        self.train("run", "data.panel=panel.h5")
        page = f"output={self.folder / 'report.html'}"
        self.synth("other.h5", seed=2)
        self.dcmmm("crossval", "run.dir=cv", "data.panel=other.h5", "crossval.windows=1", *cli.QUICK)
        for words, message in (([page], "needs run=DIR"), (["run=run"], "needs output="), (["run=nowhere", page], "is not a run folder"),
                               (["run=run", page, "report.regions=[Nowhere]"], "'report.regions' holds 'Nowhere'"),
                               (["run=run", page, "report.crossval=run"], "holds no crossval.json"), (["run=run", page, "report.crossval=cv"], "evaluates another panel than the run's: the target of region"),
                               (["run=run", "output=no/such/folder/report.html"], "no/such/folder")):
            self.assertIn(message, self.dcmmm("report", *words, code=2).err)
        (self.folder / "run" / "history.csv").unlink()
        self.report("run")
        with open(self.folder / "run" / "results.h5", "r+b") as file:
            file.seek(5000)
            file.write(b"\xff")
        self.assertIn("the file is damaged", self.dcmmm("report", "run=run", page, code=4).err)

    def test_many_regions_stay_small(self):
        self.synth(regions=900, weeks=80, channels=2, controls=1)
        self.train("run", "data.panel=panel.h5", "trainer.steps=1", "model.settings=fixed")
        begin = time.monotonic()
        page = self.report("run", "report.regions=[region_000899]")
        self.assertLess(time.monotonic() - begin, 30)
        data = embedded(page)
        self.assertEqual(data["tables"]["regions.csv"]["rows"], 900)
        self.assertEqual(len(data["run"]["detail"]), 500)  # 40,000 cells of 80 weeks
        self.assertIn("region_000899", data["run"]["detail"])
        self.assertEqual(len(data["run"]["components"]), 24)
        self.assertLess(page.stat().st_size, 15e6)


if __name__ == "__main__":
    cli.main()
