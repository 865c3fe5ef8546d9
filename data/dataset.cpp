#include <algorithm>
#include <filesystem>
#include <iterator>

#include <weft/core/check.h>
#include <weft/data/archive.h>
#include <weft/data/dataset.h>
#include <weft/data/file.h>

namespace weft::data {
namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<std::byte>;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;  // the real ones have 154 MB at most

const std::vector<std::string> kCifar10Classes = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A published archive: its folder, its name, and the names of the files wanted from it.
struct Source {
  const char* op;
  std::string folder, archive;
  std::vector<std::string> required, optional;

  std::vector<std::string> names() const {
    auto all = required;
    all.insert(all.end(), optional.begin(), optional.end());
    return all;
  }
};

// Where the files come from; what was taken is not kept, since the sets are large.
struct Files {
  std::string where;  // the folder or archive
  bool archive;
  std::map<std::string, Bytes> unpacked;

  std::string path(const std::string& name) const { return where + "/" + name; }
  bool has(const std::string& name) const {
    return archive ? unpacked.contains(name) : is_there(path(name));
  }
  Bytes take(const std::string& name) {
    return archive ? std::move(unpacked.at(name)) : read_file(path(name), kLargestFile);
  }
};

Files from_archive(const Source& source, const fs::path& archive) {
  const auto names = source.names();
  auto unpacked = read_tar_gz(archive.string(), {names.begin(), names.end()}, kLargestFile);
  Files files{archive.string(), true, std::move(unpacked)};
  for (const auto& name : source.required) {
    if (!files.has(name)) {
      fail<ParseError>(source.op, "{}: got an archive without {}", files.where, name);
    }
  }
  return files;
}

Files from_folder(const fs::path& folder) { return {folder.string(), false, {}}; }

Files open_source(const Source& source, const std::string& root) {
  const fs::path path(root);
  if (!is_there(path)) fail<IOError>(source.op, "got no file or folder {}", root);
  if (!is_folder(path)) return from_archive(source, path);
  if (is_there(path / source.required.front())) return from_folder(path);
  if (is_folder(path / source.folder)) return from_folder(path / source.folder);
  if (is_there(path / source.archive)) return from_archive(source, path / source.archive);
  fail<IOError>(source.op, "got {} without {}, {}/ or {}", root, source.required.front(),
                source.folder, source.archive);
}

std::vector<std::string> lines_of(const Bytes& bytes) {
  std::vector<std::string> lines(1);
  for (std::byte b : bytes) {
    const char c = std::to_integer<char>(b);
    if (c == '\n')
      lines.emplace_back();
    else if (c != '\r')
      lines.back() += c;
  }
  std::erase(lines, "");
  return lines;
}

// The names that come with the data if they are as many as expected, else `otherwise`.
std::vector<std::string> class_names(Files& files, const std::string& name, std::size_t count,
                                     std::vector<std::string> otherwise) {
  if (!files.has(name)) return otherwise;
  auto lines = lines_of(files.take(name));
  return lines.size() == count ? lines : otherwise;
}

ImageSet read_cifar(const Source& source, Files& files, const CifarLayout& layout) {
  ImageSet set{3, 32, 32, {}, {}, {}};
  for (const auto& name : source.required) {
    const ImageSet part = parse_cifar(files.take(name), layout, files.path(name));
    if (set.pixels.empty()) set.pixels.reserve(part.pixels.size() * source.required.size());
    set.append(part);
  }
  return set;
}

std::vector<std::string> numbered(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

Bytes read_maybe_gzip(const fs::path& path) {
  if (is_there(path)) return read_file(path.string(), kLargestFile);
  return read_gzip(path.string() + ".gz", kLargestFile);
}

fs::path mnist_folder(const std::string& root, const std::string& first) {
  for (const char* below : {"", "raw", "MNIST/raw"}) {
    const fs::path folder = fs::path(root) / below;
    if (is_there(folder / first) || is_there(folder / (first + ".gz"))) return folder;
  }
  fail<IOError>("MNIST", "got {} without {} or {}.gz, also in raw/ and MNIST/raw/", root, first,
                first);
}

}  // namespace

std::any Dataset::batch(std::span<const Index>) const { return {}; }

std::int64_t ImageDataset::get(Index i, Picture& picture) const {
  if (i < 0 || i >= size()) {
    fail<IndexError>("ImageDataset", "got index {}, expected less than {}", i, size());
  }
  picture.height = set_.height;
  picture.width = set_.width;
  picture.channels = set_.channels;
  const auto from = set_.picture(i);
  picture.values.resize(from.size());
  std::ranges::transform(from, picture.values.begin(),
                         [](std::uint8_t v) { return static_cast<float>(v) / 255.0f; });
  return set_.labels[static_cast<std::size_t>(i)];
}

ImageDataset ImageDataset::first(Index count) const {
  const Index kept = std::clamp<Index>(count, 0, size());
  ImageSet set{set_.channels, set_.height, set_.width, {}, {}, set_.classes};
  set.pixels.assign(set_.pixels.begin(), set_.pixels.begin() + kept * set_.bytes_each());
  set.labels.assign(set_.labels.begin(), set_.labels.begin() + kept);
  return ImageDataset(std::move(set));
}

CIFAR10::CIFAR10(const std::string& root, bool train) {
  Source source{
      "CIFAR10", "cifar-10-batches-bin", "cifar-10-binary.tar.gz", {}, {"batches.meta.txt"}};
  source.required = {"test_batch.bin"};
  if (train) {
    source.required.clear();
    for (int i = 1; i <= 5; ++i)
      source.required.push_back("data_batch_" + std::to_string(i) + ".bin");
  }
  Files files = open_source(source, root);
  set_ = read_cifar(source, files, {1, 0, 10});
  set_.classes = class_names(files, "batches.meta.txt", 10, kCifar10Classes);
}

CIFAR100::CIFAR100(const std::string& root, bool train, bool coarse) {
  const std::string names = coarse ? "coarse_label_names.txt" : "fine_label_names.txt";
  const Source source{"CIFAR100",
                      "cifar-100-binary",
                      "cifar-100-binary.tar.gz",
                      {train ? "train.bin" : "test.bin"},
                      {names}};
  const int classes = coarse ? 20 : 100;
  Files files = open_source(source, root);
  set_ = read_cifar(source, files, {2, coarse ? 0 : 1, classes});
  set_.classes = class_names(files, names, static_cast<std::size_t>(classes), numbered(classes));
}

MNIST::MNIST(const std::string& root, bool train) {
  const std::string split = train ? "train" : "t10k";
  const std::string images = split + "-images-idx3-ubyte", labels = split + "-labels-idx1-ubyte";
  const fs::path folder = mnist_folder(root, images);
  set_ = parse_mnist(read_maybe_gzip(folder / images), (folder / images).string(),
                     read_maybe_gzip(folder / labels), (folder / labels).string());
  set_.classes = numbered(10);
}

}  // namespace weft::data
