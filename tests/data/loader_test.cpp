#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <numeric>
#include <set>
#include <thread>

#include <weft/core/allocator.h>
#include <weft/core/error.h>
#include <weft/data/loader.h>
#include <weft/tests/catch.h>

namespace weft::data {
namespace {

ImageDataset numbered(Index count, Index side = 8) {
  ImageSet set{3, side, side, {}, {}, {"even", "odd"}};
  for (Index i = 0; i < count; ++i) {
    for (Index p = 0; p < set.bytes_each(); ++p) {
      set.pixels.push_back(static_cast<std::uint8_t>(i * 31 + p * 7));
    }
    set.labels.push_back(i);  // so that a batch tells which samples it has
  }
  return ImageDataset(std::move(set));
}

Transforms augmentation() {
  return {RandomCrop(8, 2), RandomHorizontalFlip(),
          Normalize({0.5f, 0.4f, 0.3f}, {0.2f, 0.3f, 0.4f}), Cutout(3)};
}

DataLoaderOptions options(int workers, std::uint64_t seed = 5) {
  return {.batch_size = 16, .shuffle = true, .workers = workers, .seed = seed};
}

using Bytes = std::vector<char>;

Bytes bytes_of(const Batch& batch) {
  Bytes all(batch.images.nbytes() + batch.labels.nbytes());
  std::memcpy(all.data(), batch.images.data(), batch.images.nbytes());
  std::memcpy(all.data() + batch.images.nbytes(), batch.labels.data(), batch.labels.nbytes());
  return all;
}

std::vector<Bytes> epochs_of(DataLoader& loader, int epochs) {
  std::vector<Bytes> all;
  for (int e = 0; e < epochs; ++e) {
    for (const Batch& batch : loader) all.push_back(bytes_of(batch));
  }
  return all;
}

// Its batches are sums of what its samples are.
struct Sums : Dataset {
  Index size() const override { return 10; }
  std::int64_t get(Index, Picture&) const override { return 0; }
  std::any batch(std::span<const Index> samples) const override {
    return std::accumulate(samples.begin(), samples.end(), Index{0});
  }
};

TEST_CASE("a data set may make whole batches of any value", "[loader]") {
  for (int workers : {0, 2}) {
    DataLoader loader(Sums(), {}, {.batch_size = 4, .workers = workers});
    std::vector<Index> sums;
    for (const Batch& b : loader) sums.push_back(std::any_cast<Index>(b.value));
    CHECK(sums == std::vector<Index>{6, 22, 17});
  }
  DataLoader pictures(numbered(4), {}, {.batch_size = 4});
  CHECK_FALSE(pictures.next()->value.has_value());
}

TEST_CASE("batches hold the data set's pictures, channels-last", "[loader]") {
  DataLoader loader(numbered(10), {}, {.batch_size = 4, .workers = 2});
  CHECK(loader.size() == 3);
  std::vector<std::int64_t> labels;
  std::vector<Index> sizes;
  for (const Batch& batch : loader) {
    sizes.push_back(batch.size());
    CHECK(batch.images.sizes() == Shape{batch.size(), 3, 8, 8});
    CHECK(batch.images.strides() == Shape{192, 1, 24, 3});
    CHECK(batch.images.dtype() == f32);
    CHECK(batch.labels.dtype() == i64);
    for (Index i = 0; i < batch.size(); ++i) {
      const std::int64_t label = batch.labels.data<std::int64_t>()[i];
      labels.push_back(label);
      const float* picture = batch.images.data<float>() + i * 192;
      for (Index p = 0; p < 192; ++p) {
        REQUIRE(picture[p] == static_cast<float>((label * 31 + p * 7) & 255) / 255.0f);
      }
    }
  }
  CHECK(sizes == std::vector<Index>{4, 4, 2});
  CHECK(labels == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  DataLoader dropping(numbered(10), {}, {.batch_size = 4, .drop_last = true});
  CHECK(dropping.size() == 2);
  CHECK(epochs_of(dropping, 1).size() == 2);
}

TEST_CASE("an epoch has every sample once, and the next another order", "[loader]") {
  DataLoader loader(numbered(100), {}, options(1));
  std::vector<std::vector<std::int64_t>> orders(3);
  for (auto& order : orders) {
    for (const Batch& batch : loader) {
      const auto* labels = batch.labels.data<std::int64_t>();
      order.insert(order.end(), labels, labels + batch.size());
    }
    CHECK(std::set<std::int64_t>(order.begin(), order.end()).size() == 100);
  }
  CHECK(orders[0] != orders[1]);
  CHECK(orders[1] != orders[2]);
  // The documented order.
  std::vector<Index> expected(100);
  random_permutation(expected, Key(5).fold(1).fold(0).random());
  CHECK(orders[1] == expected);
}

TEST_CASE("the batches are the same for any number of workers, and differ by seed", "[loader]") {
  const auto run = [](int workers, std::uint64_t seed) {
    DataLoader loader(numbered(100), augmentation(), options(workers, seed));
    return epochs_of(loader, 3);
  };
  const auto alone = run(0, 5);
  CHECK(alone.size() == 21);
  CHECK(run(1, 5) == alone);
  CHECK(run(2, 5) == alone);
  CHECK(run(5, 5) == alone);
  CHECK(run(1, 6) != alone);
}

TEST_CASE("what happens to a sample does not depend on the batches", "[loader]") {
  const auto run = [](Index batch_size) {
    DataLoader loader(numbered(64), augmentation(),
                      {.batch_size = batch_size, .shuffle = true, .seed = 1});
    Bytes all;
    while (const auto batch = loader.next()) {
      const auto* at = static_cast<const char*>(batch->images.data());
      all.insert(all.end(), at, at + batch->images.nbytes());
    }
    return all;
  };
  CHECK(run(64) == run(7));
}

TEST_CASE("a loader goes on from a saved position, at any of them", "[loader]") {
  const int workers = GENERATE(0, 2);
  DataLoader whole(numbered(60), augmentation(), options(workers));
  std::vector<DataLoader::State> states;
  std::vector<Bytes> batches;
  for (int e = 0; e < 2; ++e) {
    do {
      states.push_back(whole.state());
      const auto batch = whole.next();
      batches.push_back(batch ? bytes_of(*batch) : Bytes{});
      if (!batch) break;
    } while (true);
  }
  REQUIRE(batches.size() == 10);
  CHECK(states.back() == DataLoader::State{5, 1, 4});
  DataLoader other(numbered(60), augmentation(), options(workers, 77));
  for (std::size_t i = batches.size(); i-- > 0;) {
    other.set_state(states[i]);
    CHECK(other.state() == states[i]);
    for (std::size_t j = i; j < batches.size(); ++j) {
      const auto batch = other.next();
      REQUIRE((batch ? bytes_of(*batch) : Bytes{}) == batches[j]);
    }
  }
  CHECK_THROWS_AS(other.set_state({5, 0, 5}), ValueError);
  CHECK_THROWS_AS(other.set_state({5, -1, 0}), ValueError);
}

TEST_CASE("an exception of a worker reaches the caller, and the loader goes on", "[loader]") {
  const Transforms faulty = {[](Picture& picture, RandomStream&) {
    if (picture.values[0] * 255 == 5 * 31) throw ValueError("the fifth is bad");
  }};
  for (int workers : {0, 2}) {
    DataLoader loader(numbered(8), faulty, {.batch_size = 2, .workers = workers});
    CHECK(loader.next());
    CHECK(loader.next());
    CHECK_THROWS_AS(loader.next(), ValueError);
    CHECK(loader.next()->labels.data<std::int64_t>()[0] == 6);
    CHECK_FALSE(loader.next());
  }
}

TEST_CASE("a batch for which there was no memory can be asked for again", "[loader]") {
  for (const int workers : {0, 1, 3}) {
    DataLoader calm(numbered(50), augmentation(), options(0));
    const std::vector<Bytes> expected = epochs_of(calm, 2);  // workers make batches ahead
    for (std::uint64_t k = 1; k <= 8; ++k) {
      INFO(workers << " workers, allocation " << k);
      fail_allocation_at(k);
      DataLoader loader(numbered(50), augmentation(), options(workers));
      std::vector<Bytes> got;
      int failures = 0;
      while (got.size() < expected.size()) {
        const auto before = loader.state();
        try {
          if (const auto batch = loader.next()) got.push_back(bytes_of(*batch));
        } catch (const OutOfMemory&) {
          ++failures;
          CHECK(loader.state() == before);
        }
      }
      fail_allocation_at(0);
      CHECK(failures == 1);
      CHECK(got == expected);
    }
  }
}

TEST_CASE("pictures of different sizes in one batch are refused", "[loader]") {
  const Transforms odd = {[](Picture& picture, RandomStream& random) {
    RandomCrop(picture.values[0] == 0 ? 8 : 6)(picture, random);
  }};
  DataLoader loader(numbered(8), odd, {.batch_size = 8});
  CHECK_THROWS_MATCHES(
      loader.next(), ShapeError,
      Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("3 x 6 x 6")));
}

TEST_CASE("several threads may take batches of one loader", "[loader]") {
  const auto set = std::make_shared<ImageDataset>(numbered(64));
  for (const int workers : {0, 1, 3}) {
    DataLoader loader(set, {}, {.batch_size = 1, .workers = workers});
    std::atomic<Index> sum = 0, count = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        while (count.fetch_add(1) < 64) sum += loader.next()->labels.item<Index>();
      });
    }
    for (auto& t : threads) t.join();
    CHECK(sum == 63 * 64 / 2);
    CHECK_FALSE(loader.next());
  }
}

TEST_CASE("a data set without a batch gives none", "[loader]") {
  for (const int workers : {0, 2}) {
    DataLoader dropped(numbered(3), {}, {.batch_size = 4, .drop_last = true, .workers = workers});
    DataLoader empty(ImageDataset(), {}, {.batch_size = 4, .workers = workers});
    for (DataLoader* loader : {&dropped, &empty}) {
      CHECK(loader->size() == 0);
      CHECK_FALSE(loader->next());
      CHECK_FALSE(loader->next());
      CHECK(loader->state() == DataLoader::State{0, 2, 0});
    }
  }
}

TEST_CASE("options out of range are refused", "[loader]") {
  const auto make = [](const DataLoaderOptions& o) { DataLoader(numbered(3), {}, o); };
  CHECK_THROWS_AS(make({.batch_size = 0}), ValueError);
  CHECK_THROWS_AS(make({.workers = -1}), ValueError);
  CHECK_THROWS_AS(make({.prefetch = 0}), ValueError);
  CHECK_THROWS_AS(DataLoader(std::shared_ptr<const Dataset>(), {}, {}), ValueError);
  CHECK_THROWS_AS(Normalize({0, 0}, {1}), ValueError);
  CHECK_THROWS_AS(Normalize({0}, {0}), ValueError);
  CHECK_THROWS_AS(RandomCrop(0), ValueError);
  CHECK_THROWS_AS(RandomCrop(Index{1} << 32, INT32_MAX), ValueError);
  CHECK_THROWS_AS(RandomHorizontalFlip(1.5), ValueError);
  CHECK_THROWS_AS(Cutout(-1), ValueError);
}

double process_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

TEST_CASE("idle workers sleep", "[loader]") {
  DataLoader loader(numbered(1000), augmentation(), options(2));
  CHECK(loader.next());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // what is made ahead is made
  const double before = process_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(process_seconds() - before < 0.03);
}

TEST_CASE("a loader may end at any moment", "[loader]") {
  for (int taken = 0; taken < 30; ++taken) {
    DataLoader loader(numbered(100), augmentation(), options(3));
    for (int i = 0; i < taken % 7; ++i) loader.next();
    if (taken % 3 == 0) loader.set_state({1, 2, 3});
  }
}

// ---- Transforms

Picture counting(Index height, Index width, Index channels) {
  Picture p{height, width, channels, {}, {}};
  for (std::size_t i = 0; i < p.numel(); ++i) p.values.push_back(static_cast<float>(i + 1));
  return p;
}

float at(const Picture& p, Index y, Index x, Index c) {
  return p.values[static_cast<std::size_t>((y * p.width + x) * p.channels + c)];
}

TEST_CASE("normalising subtracts the mean and divides by the deviation", "[transforms]") {
  Picture p = counting(2, 3, 2);
  RandomStream random{Key(1)};
  Normalize({1, 2}, {2, 4})(p, random);
  for (Index i = 0; i < 6; ++i) {
    CHECK(p.values[static_cast<std::size_t>(2 * i)] == static_cast<float>(2 * i) / 2);
    CHECK(p.values[static_cast<std::size_t>(2 * i + 1)] == static_cast<float>(2 * i) / 4);
  }
  Picture grey = counting(2, 2, 1);
  CHECK_THROWS_AS(Normalize({1, 2}, {2, 4})(grey, random), ShapeError);
}

// Whether p is the part of `whole`, padded, that starts at (top, left).
bool is_part(const Picture& p, const Picture& whole, Index top, Index left, bool reflect) {
  for (Index y = 0; y < p.height; ++y) {
    for (Index x = 0; x < p.width; ++x) {
      Index sy = top + y, sx = left + x;
      if (reflect) {
        sy = sy < 0 ? -sy : sy >= whole.height ? 2 * whole.height - 2 - sy : sy;
        sx = sx < 0 ? -sx : sx >= whole.width ? 2 * whole.width - 2 - sx : sx;
      }
      const bool inside = sy >= 0 && sy < whole.height && sx >= 0 && sx < whole.width;
      for (Index c = 0; c < p.channels; ++c) {
        if (at(p, y, x, c) != (inside ? at(whole, sy, sx, c) : -7)) return false;
      }
    }
  }
  return true;
}

TEST_CASE("crops are parts of the padded picture, each position as likely", "[transforms]") {
  using Padding = RandomCrop::Padding;
  const auto mode = GENERATE(Padding::Constant, Padding::Reflect);
  const Picture whole = counting(5, 6, 3);
  std::vector<int> count(9 * 10);
  RandomStream random{Key(3)};
  for (int i = 0; i < 9000; ++i) {
    Picture p = whole;
    RandomCrop(3, 3, mode, -7)(p, random);
    REQUIRE((p.height == 3 && p.width == 3));
    std::vector<std::size_t> places;
    for (Index top = -3; top <= 5; ++top) {
      for (Index left = -3; left <= 6; ++left) {
        if (is_part(p, whole, top, left, mode == Padding::Reflect)) {
          places.push_back(static_cast<std::size_t>((top + 3) * 10 + left + 3));
        }
      }
    }
    REQUIRE_FALSE(places.empty());
    ++count[places[static_cast<std::size_t>(i) % places.size()]];
  }
  for (std::size_t i = 20; i < 60; ++i) {
    if (i % 10 > 1 && i % 10 < 7) CHECK(count[i] > 50);  // 100 expected, deviation 10
  }
  Picture small = counting(2, 2, 1);
  CHECK_THROWS_AS(RandomCrop(4)(small, random), ShapeError);
}

TEST_CASE("flips mirror the columns, as often as asked", "[transforms]") {
  const Index width = GENERATE(4, 5);
  const Picture whole = counting(3, width, 3);
  RandomStream random{Key(4)};
  int flipped = 0;
  for (int i = 0; i < 4000; ++i) {
    Picture p = whole;
    RandomHorizontalFlip(0.25)(p, random);
    const bool same = p.values == whole.values;
    flipped += !same;
    for (Index x = 0; !same && x < width; ++x)
      REQUIRE(at(p, 1, x, 2) == at(whole, 1, width - 1 - x, 2));
  }
  CHECK(std::abs(flipped - 1000) < 120);
  Picture p = whole;
  RandomHorizontalFlip(0)(p, random);
  CHECK(p.values == whole.values);
  RandomHorizontalFlip(1)(p, random);
  CHECK(p.values != whole.values);
}

TEST_CASE("cutout clears a square about any pixel, clipped at the edges", "[transforms]") {
  const Picture whole = counting(8, 9, 2);
  RandomStream random{Key(5)};
  std::set<std::size_t> areas;
  for (int i = 0; i < 3000; ++i) {
    Picture p = whole;
    Cutout(4)(p, random);
    std::size_t changed = 0;
    for (std::size_t j = 0; j < p.values.size(); ++j) changed += p.values[j] != whole.values[j];
    CHECK(changed == static_cast<std::size_t>(std::count(p.values.begin(), p.values.end(), 0.0f)));
    areas.insert(changed / 2);
  }
  CHECK(*areas.begin() == 4);  // a corner: 2 x 2 of 4 x 4
  CHECK(*areas.rbegin() == 16);
}

}  // namespace
}  // namespace weft::data
