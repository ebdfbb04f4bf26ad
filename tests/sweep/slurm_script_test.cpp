#include "sweep/slurm_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dcmmm {
namespace {

using ::testing::HasSubstr;

TEST(SlurmScript, KnowsTheTimesThatSbatchTakes) {
  const std::pair<const char*, int64_t> kTimes[] = {{"90", 5400},     {"90:30", 5430},      {"04:00:00", 14400},
                                                    {"1-12", 129600}, {"1-12:30", 131400},  {"2-00:00:01", 172801},
                                                    {"0", 0},         {"100:00:00", 360000}};
  for (const auto& [time, seconds] : kTimes) EXPECT_EQ(slurm_seconds(time), seconds) << time;
}

TEST(SlurmScript, KnowsWhatIsNoTime) {
  for (const char* time : {"", "soon", "4h", "-5", "1-", "-1:00", "10:", ":10", "1:2-3", "1:00:00:00", "1-2:3:4:5",
                           "1--2", "1.5", " 10", "9999999999"})
    EXPECT_EQ(slurm_seconds(time), std::nullopt) << time;
}

TEST(SlurmScript, SaysWhatWasAskedFor) {
  SlurmOptions options;
  options.partition = "long";
  options.jobs = 10;
  options.lines = {"module load openmpi"};
  const std::string script = slurm_script(options, "/opt/dcmmm", {"a=1,2", "b=tag(log, interval(1,2))", "c='x'"});
  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-9\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --partition=long\n"));
  EXPECT_THAT(script, ::testing::Not(HasSubstr("--account")));
  EXPECT_THAT(script, HasSubstr("module load openmpi\n"));
  EXPECT_THAT(script, HasSubstr("/opt/dcmmm sweep a=1,2 'b=tag(log, interval(1,2))' 'c='\\''x'\\''' run.resume"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --ntasks=1\n"));
  EXPECT_THAT(script, ::testing::Not(HasSubstr("--nodes")));
  EXPECT_THAT(script, ::testing::Not(HasSubstr("OMPI_MCA")));
}

TEST(SlurmScript, SpreadsTheTrialsOfAnArraysTaskOverItsNodes) {
  SlurmOptions options;
  options.nodes = 3;
  options.ranks = 6;
  const std::string script = slurm_script(options, "/opt/dcmmm", {});
  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-3\n#SBATCH --nodes=3\n#SBATCH --ntasks-per-node=1\n"));
  EXPECT_THAT(script, HasSubstr("\"sweep.workers=1\""));  // one trial at a time
  for (const char* setting : {"time=5", "intvl=2", "probes=3"})
    EXPECT_THAT(script, HasSubstr(std::string(" OMPI_MCA_oob_tcp_keepalive_") + setting));
  EXPECT_THAT(script, ::testing::Not(HasSubstr("srun")));
}

TEST(SlurmScript, StartsWhereItsWordsHold) {
  SlurmOptions options;
  options.workers = 3;
  options.work_folder = "/data/my sales";
  const std::string script = slurm_script(options, "dcmmm", {"data.panel=panel.h5"});
  EXPECT_THAT(script, HasSubstr("#SBATCH --chdir=\"/data/my sales\"\n"));
  EXPECT_THAT(script, HasSubstr(" \"sweep.workers=3\" &\n"));
}

}  // namespace
}  // namespace dcmmm
