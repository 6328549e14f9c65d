#include "app/memory_use.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "testing/temp_folder.h"

namespace headgate::app {
namespace {

struct ControlGroups {
  void set(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = folder.file(file);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  std::uint64_t limit(std::string_view groups) const {
    return control_group_limit(groups, folder.path());
  }
  testing::TempFolder folder;
};

TEST(ControlGroupLimit, IsTheLowestOfTheGroupAndThoseAboveIt) {
  const ControlGroups system;
  system.set("a.slice/memory.max", "2000");
  system.set("a.slice/b.service/memory.max", "max");
  EXPECT_EQ(system.limit("0::/a.slice/b.service\n"), 2000U);
  system.set("a.slice/b.service/memory.max", "1000");
  EXPECT_EQ(system.limit("0::/a.slice/b.service\n"), 1000U);
}

TEST(ControlGroupLimit, IsFoundInAContainerThatSeesOnlyItsOwnGroup) {
  const ControlGroups system;
  system.set("memory.max", "5000");
  EXPECT_EQ(system.limit("0::/\n"), 5000U);
  EXPECT_EQ(system.limit("0::/kubepods/pod7\n"), 5000U);
}

TEST(ControlGroupLimit, OfTheFirstVersionIsThatOfTheMemoryController) {
  const ControlGroups system;
  system.set("memory/docker/x/memory.limit_in_bytes", "3000");
  system.set("memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(system.limit("5:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/\n"), 3000U);
}

TEST(ControlGroupLimit, IsNoneIfNobodySetOne) {
  const ControlGroups system;
  EXPECT_EQ(system.limit("0::/user.slice\n"), UINT64_MAX);
  EXPECT_EQ(system.limit(""), UINT64_MAX);
  EXPECT_EQ(system.limit("nonsense\n::\n"), UINT64_MAX);
}

TEST(MemoryUse, GrowsWithWhatIsUsed) {
  const MemoryUse memory;
  const std::uint64_t before = memory.resident();
  ASSERT_GT(before, 0U);
  EXPECT_GT(memory.available(), before);
  constexpr std::size_t kBlock = 64 << 20;
  const auto block = std::make_unique<char[]>(kBlock);
  std::memset(block.get(), 1, kBlock);
  EXPECT_GT(memory.resident(), before + kBlock / 2) << static_cast<int>(block[kBlock / 2]);
}

}  // namespace
}  // namespace headgate::app
