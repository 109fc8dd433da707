// Tests of npy and safetensors: round trips, refusal of broken files, saves that fail halfway.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <random>

#include "mlx/io.h"
#include "mlx/ops.h"
#include "mlx/primitives/io.h"

namespace mlx::core {

namespace {

class Io : public ::testing::Test {
 protected:
  std::string path(const std::string& name) {
    paths_.push_back(::testing::TempDir() + "mlx_io_" + name);
    return paths_.back();
  }
  void TearDown() override {
    for (const auto& p : paths_) std::remove(p.c_str());
  }
  static std::string contents(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }

 private:
  std::vector<std::string> paths_;
};

std::string safetensors_bytes(const std::string& header, size_t data) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i));
  return bytes + header + std::string(data, 'x');
}

}  // namespace

TEST_F(Io, NpyRoundTripsEveryDtypeAndOrder) {
  auto file = path("a.npy");
  for (Dtype dtype : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      float32, float64, bfloat16, complex64}) {
    array a(std::vector<int>{0, 1, 2, 3, 4, 5}.begin(), {2, 3}, dtype);
    save(file, a);
    array b = load(file);
    b.eval();
    EXPECT_EQ(b.dtype(), dtype);
    ASSERT_EQ(b.shape(), a.shape());
    EXPECT_EQ(std::memcmp(a.data<char>(), b.data<char>(), a.nbytes()), 0);
  }
  array t = transpose(array(std::vector<int>{0, 1, 2, 3, 4, 5}.begin(), {2, 3}, int32));
  save(file, t);
  array b = contiguous(load(file));
  b.eval();
  EXPECT_EQ(b.shape(), (Shape{3, 2}));
  EXPECT_EQ(b.data<int>()[1], 3);
}

TEST_F(Io, SafetensorsRoundTrips) {
  auto file = path("a.safetensors");
  save_safetensors(
      file,
      {{"w", array({1.0f, 2.0f})}, {"empty", array(std::vector<int>{}.begin(), {0, 3}, int8)}},
      {{"kind", "test"}});
  auto [arrays, metadata] = load_safetensors(file);
  EXPECT_EQ(metadata.at("kind"), "test");
  arrays.at("w").eval();
  EXPECT_EQ(arrays.at("w").data<float>()[1], 2.0f);
  EXPECT_EQ(arrays.at("empty").shape(), (Shape{0, 3}));
}

TEST_F(Io, RefusesHostileSafetensors) {
  auto file = path("bad.safetensors");
  std::vector<std::string> broken = {
      "",
      std::string(8, '\xff') + "{}",
      safetensors_bytes("not json", 0),
      safetensors_bytes("[1]", 0),
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
      safetensors_bytes(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", 8),
      safetensors_bytes(
          R"({"a":{"dtype":"F32","shape":[2147483647,2147483647,4],"data_offsets":[0,8]}})", 8),
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                        R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                        8),
      safetensors_bytes(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,0]}})", 8),
  };
  for (const auto& bytes : broken) {
    write(file, bytes);
    EXPECT_THROW(load_safetensors(file), std::runtime_error) << bytes;
  }
  EXPECT_THROW(load_safetensors(path("missing")), std::runtime_error);
}

TEST_F(Io, RefusesHostileNpy) {
  auto file = path("bad.npy");
  auto good = path("good.npy");
  save(good, array({1.0f, 2.0f, 3.0f}));
  std::string bytes = contents(good);
  // Every truncation, and random damage to the header, is either refused or still a valid file.
  for (size_t length = 0; length < bytes.size(); ++length) {
    write(file, bytes.substr(0, length));
    EXPECT_ANY_THROW(load(file)) << length;
  }
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    for (int i = 0; i < 3; ++i) damaged[random() % 128] = static_cast<char>(random());
    write(file, damaged);
    try {
      load(file).eval();
    } catch (const std::exception&) {
    }
  }
}

TEST_F(Io, FailedSaveLeavesTheOldFile) {
  auto file = path("keep.npy");
  save(file, array({1.0f}));
  std::string before = contents(file);
  array bad(Shape{1}, float32,
            std::make_shared<Load>(default_stream(Device::cpu),
                                   std::make_shared<io::ParallelFileReader>(file), 1 << 20, false),
            std::vector<array>{});
  EXPECT_THROW(save(file, bad), std::runtime_error);
  EXPECT_EQ(contents(file), before);
  EXPECT_THROW(save("/nonexistent/x.npy", array(1.0f)), std::runtime_error);
}

}  // namespace mlx::core
