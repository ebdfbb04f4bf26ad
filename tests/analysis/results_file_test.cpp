#include "analysis/results_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <tuple>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "data/array_file.hpp"
#include "tests/analysis/small_run.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;

TEST(ResultsFile, KeepsEverything) {
  const TestFolder folder;
  SmallRun run;
  run.shared.adstock_kind = "mixed";
  run.shared.peak_C[1] = 2.5;
  Graph& graph = run.shared.graph;
  graph.channels = 3;
  graph.h = 1e-10;
  graph.unsure = 4;
  graph.edges = {{2, 0, 1, 0.5, 0.96, Direction::kTime}, {0, 1, 0, -0.2, 1.0, Direction::kUndirected}};
  graph.draws = 2;
  graph.weight_BS = {0.4, -0.1, 0.5, -0.2};
  for (int i = 0; i < 9; ++i) graph.total_CC.push_back(0.1 * i);
  for (int i = 0; i < 18; ++i) graph.total_BCC.push_back(0.2 * i);
  run.write(folder);
  const ResultsReader reader(folder / "results.h5");
  expect_equal(reader.read(0, 5), run.results);
  expect_equal(reader.read(2, 2), regions_of(run.results, 2, 2));
  EXPECT_EQ(reader.read_array("media_contribution", 4, 1), regions_of(run.results, 4, 1).media_RTC);
  EXPECT_EQ(reader.coordinates().regions, run.panel.coordinates.regions);
  EXPECT_EQ(reader.coordinates().weeks, run.panel.coordinates.weeks);
  EXPECT_EQ(reader.coordinates().channels, run.panel.coordinates.channels);
  EXPECT_EQ(reader.coordinates().controls, run.panel.coordinates.controls);
  EXPECT_EQ(reader.shared().decay_C, run.shared.decay_C);
  EXPECT_EQ(reader.shared().exponent_C, run.shared.exponent_C);
  EXPECT_EQ(reader.shared().half_saturation_C, run.shared.half_saturation_C);
  ASSERT_EQ(reader.shared().peak_C.size(), run.shared.peak_C.size());
  EXPECT_TRUE(std::isnan(reader.shared().peak_C[0]));
  EXPECT_EQ(reader.shared().peak_C[1], 2.5);
  EXPECT_EQ(reader.shared().draws.count, 15);
  EXPECT_EQ(reader.shared().draws.contribution_DC, run.shared.draws.contribution_DC);
  EXPECT_EQ(reader.shared().draws.coefficient_DC, run.shared.draws.coefficient_DC);
  EXPECT_EQ(reader.shared().draws.decay_DC, run.shared.draws.decay_DC);
  EXPECT_EQ(reader.shared().draws.exponent_DC, run.shared.draws.exponent_DC);
  EXPECT_EQ(reader.shared().draws.half_saturation_DC, run.shared.draws.half_saturation_DC);
  EXPECT_EQ(reader.shared().adstock_kind, "mixed");
  EXPECT_EQ(reader.shared().origin, 7);
  EXPECT_EQ(reader.shared().holdout_weeks, 2);
  EXPECT_EQ(reader.shared().panel_checksum, run.shared.panel_checksum);
  const Graph& read = reader.shared().graph;
  EXPECT_EQ(std::tuple(read.channels, read.h, read.unsure, read.draws), std::tuple(3, 1e-10, 4, 2));
  ASSERT_EQ(read.edges.size(), 2u);
  for (std::size_t s = 0; s < 2; ++s) {
    const auto as_tuple = [](const GraphEdge& edge) {
      return std::tuple(edge.source, edge.target, edge.lag, edge.weight, edge.confidence, edge.direction);
    };
    EXPECT_EQ(as_tuple(read.edges[s]), as_tuple(graph.edges[s]));
  }
  EXPECT_EQ(read.weight_BS, graph.weight_BS);
  EXPECT_EQ(read.total_CC, graph.total_CC);
  EXPECT_EQ(read.total_BCC, graph.total_BCC);
}

TEST(ResultsFile, KeepsAGraphWithoutEdgesAndSaysWhereThereIsNone) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  EXPECT_TRUE(ResultsReader(folder / "results.h5").shared().graph.empty());
  run.shared.graph.channels = 3;
  run.shared.graph.total_CC = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  run.write(folder);
  const Graph graph = ResultsReader(folder / "results.h5").shared().graph;
  EXPECT_EQ(graph.channels, 3);
  EXPECT_TRUE(graph.edges.empty());
  EXPECT_EQ(graph.total_CC, run.shared.graph.total_CC);
}

TEST(ResultsFile, IsTheSameHoweverItIsCutIntoBlocks) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  const auto communicator = make_local_communicator();
  ResultsWriter writer(folder / "blocks.h5", run.panel.coordinates, run.shared, *communicator);
  writer.append(regions_of(run.results, 3, 2));
  writer.append(regions_of(run.results, 0, 1));
  writer.append(regions_of(run.results, 1, 2));
  writer.finish();
  expect_equal(ResultsReader(folder / "blocks.h5").read(0, 5), run.results);
}

TEST(ResultsFile, NamesItsDimensions) {
  const TestFolder folder;
  SmallRun().write(folder);
  const ArrayFile file = ArrayFile::open(folder / "results.h5");
  EXPECT_EQ(file.dimensions("media_contribution"), (std::vector<std::string>{"region", "week", "channel"}));
  EXPECT_EQ(file.dimensions("control_contribution"), (std::vector<std::string>{"region", "week", "control"}));
  EXPECT_EQ(file.dimensions("decay"), (std::vector<std::string>{"channel"}));
}

TEST(ResultsFile, AllowsAPanelWithoutControls) {
  const TestFolder folder;
  SmallRun run(2, 4, 1, 0);
  run.write(folder);
  expect_equal(ResultsReader(folder / "results.h5").read(0, 2), run.results);
}

TEST(ResultsFile, AppearsOnlyWhenFinished) {
  const TestFolder folder;
  SmallRun run;
  write_text_file(folder / "results.h5", "an earlier file");
  const auto communicator = make_local_communicator();
  {
    ResultsWriter writer(folder / "results.h5", run.panel.coordinates, run.shared, *communicator);
    writer.append(regions_of(run.results, 0, 3));
    EXPECT_THROW(writer.finish(), std::invalid_argument);  // two regions are missing
  }
  EXPECT_EQ(read_text_file(folder / "results.h5"), "an earlier file");
  EXPECT_FALSE(fs::exists(folder / "results.h5.tmp"));
}

TEST(ResultsFile, RefusesABlockOfAnotherShape) {
  const TestFolder folder;
  SmallRun run;
  const auto communicator = make_local_communicator();
  ResultsWriter writer(folder / "results.h5", run.panel.coordinates, run.shared, *communicator);
  run.results.media_RTC.pop_back();
  EXPECT_THROW(writer.append(run.results), std::invalid_argument);
}

TEST(ResultsFile, RefusesMissingForeignAndDamagedFiles) {
  const TestFolder folder;
  SmallRun(40, 30).write(folder);
  EXPECT_THROW(ResultsReader(folder / "nothing.h5"), UserError);
  EXPECT_THROW(ResultsReader(folder / "panel.h5"), UserError);
  write_text_file(folder / "text.h5", "region,week\n");
  EXPECT_THROW(ResultsReader(folder / "text.h5"), DamagedFileError);
  fs::copy_file(folder / "results.h5", folder / "short.h5");
  fs::resize_file(folder / "short.h5", fs::file_size(folder / "short.h5") / 2);
  EXPECT_THROW(ResultsReader(folder / "short.h5"), DamagedFileError);
}

}  // namespace
}  // namespace dcmmm
