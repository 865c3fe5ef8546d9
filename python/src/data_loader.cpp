#include <chrono>
#include <utility>

#include <weft/core/interrupt.h>

#include <weft/python/src/data.h>

// weft.data.DataLoader and its loops.
namespace weft::python {

using namespace data;

namespace {

// Threads that wait for the interpreter must be gone before it is.
std::unordered_set<Loader*>& loaders() {
  static auto* all = new std::unordered_set<Loader*>;
  return *all;
}

void close_at_exit() {
  static const bool once = [] {
    py::module_::import("atexit").attr("register")(py::cpp_function([] {
      for (Loader* l : std::vector<Loader*>(loaders().begin(), loaders().end())) l->close();
    }));
    return true;
  }();
  (void)once;
}

DataLoader::State position(const DataLoader& loader) {
  const py::gil_scoped_release released;  // a worker may hold the loader's lock and want Python's
  return loader.state();
}

void go_to(DataLoader& loader, const DataLoader::State& state) {
  const py::gil_scoped_release released;
  loader.set_state(state);
}

}  // namespace

Loader::Loader(py::object dataset, const py::object& transforms, const DataLoaderOptions& options,
               py::object collate_fn)
    : dataset_(std::move(dataset)), options_(options) {
  for (const py::handle t : transforms) {
    transforms_.push_back(to_transform(py::reinterpret_borrow<py::object>(t)));
  }
  if (!transforms_.empty() && !collate_fn.is_none()) {
    throw py::value_error("got transforms and collate_fn, expected one of them");
  }
  if (py::isinstance<Dataset>(dataset_) && collate_fn.is_none()) {
    set_ = dataset_.cast<std::shared_ptr<Dataset>>();
  } else {
    if (transforms_.empty() && collate_fn.is_none()) {
      collate_fn = py::module_::import("weft.data").attr("default_collate");
    }
    set_ = python_ = std::make_shared<PythonDataset>(dataset_, collate_fn);
  }
  close_at_exit();
  loader_ = make();
  loaders().insert(this);
}

std::unique_ptr<DataLoader> Loader::make() const {
  const py::gil_scoped_release released;
  return std::make_unique<DataLoader>(set_, transforms_, options_);
}

void Loader::close() noexcept {
  loaders().erase(this);
  std::vector<std::unique_ptr<DataLoader>> ending;
  ending.push_back(std::move(loader_));
  for (LoaderIterator* i : std::exchange(rest_, {})) ending.push_back(std::move(i->own_));
  const py::gil_scoped_release released;
  ending.clear();
}

DataLoader& Loader::get() const {
  if (!loader_) throw std::runtime_error("the loader is closed");
  return *loader_;
}

void Loader::begin_epoch() {
  if (std::exchange(goes_on_, false)) return;
  const DataLoader::State at = position(get());
  if (at.batch != 0) go_to(get(), {at.seed, at.epoch + 1, 0});
}

Batch Loader::shaped(Batch batch) const {
  if (batch.value.has_value() || !python_ || python_->rank() == 3) return batch;
  const Shape& s = batch.images.sizes();
  batch.images = python_->rank() == 1 ? batch.images.reshape({s[0], s[1]})
                                      : batch.images.reshape({s[0], s[2], s[3]});
  return batch;
}

LoaderIterator::LoaderIterator(py::object loader)
    : held_(std::move(loader)), loader_(held_.cast<Loader&>()) {
  DataLoader& shared = loader_.get();
  if (!loader_.at_work_) {
    loader_.at_work_ = this;
    try {
      loader_.begin_epoch();
    } catch (...) {
      loader_.at_work_ = nullptr;
      throw;
    }
    return;
  }
  DataLoader::State state = position(shared);
  if (!std::exchange(loader_.goes_on_, false)) {  // an order that no epoch of the shared one has
    state = {Key(state.seed).fold(~loader_.others_).value, state.epoch, 0};
    ++loader_.others_;
  }
  own_ = loader_.make();
  go_to(*own_, state);
  loader_.rest_.insert(this);
}

void LoaderIterator::finish() noexcept {
  done_ = true;
  loader_.rest_.erase(this);
  if (loader_.at_work_ == this) loader_.at_work_ = nullptr;
  std::unique_ptr<DataLoader> ending = std::move(own_);
  if (!ending) return;
  const py::gil_scoped_release released;
  ending.reset();
}

std::optional<Batch> LoaderIterator::next() {
  if (done_) return {};
  DataLoader& shared = loader_.get();
  std::optional<Batch> batch;
  {
    const py::gil_scoped_release released;
    // Several threads may share the loop: none begins the next epoch.
    std::unique_lock turn(turn_, std::defer_lock);
    while (!turn.try_lock_for(std::chrono::milliseconds(30))) check_interrupt("DataLoader");
    if (!ended_) batch = own_ ? own_->next() : shared.next();
    ended_ = !batch;
  }
  if (batch) return loader_.shaped(*std::move(batch));
  finish();
  return {};
}

namespace {

py::object next_batch(LoaderIterator& loop) {
  auto batch = loop.next();
  if (!batch) throw py::stop_iteration();
  if (const Held* own = std::any_cast<Held>(&batch->value)) {
    const DataLoaderOptions& o = loop.loader().options();
    if (!o.pin_memory && o.device == kCPU) return own->get();
    return py::module_::import("weft.data._collate").attr("moved")(own->get(), o.device);
  }
  return py::make_tuple(batch->images, batch->labels);
}

py::tuple state_of(const Loader& l) {
  const DataLoader::State s = position(l.get());
  return py::make_tuple(s.seed, s.epoch, s.batch);
}

void set_state(Loader& l, const std::tuple<std::uint64_t, Index, Index>& s) {
  go_to(l.get(), {std::get<0>(s), std::get<1>(s), std::get<2>(s)});
  l.go_on();
}

// The seed that was given, or one from a generator where the order is random.
std::uint64_t seed_of(std::optional<std::uint64_t> seed, Generator* generator, bool shuffle) {
  if (seed || !shuffle) return seed.value_or(0);
  RandomStream words((generator ? *generator : default_generator()).next(4));
  const std::uint64_t low = words.next();
  return low | std::uint64_t{words.next() >> 1} << 32;
}

// What PyTorch's has and this one has not: only its default is taken.
void refuse(const char* name, const py::object& value, bool is_default, const char* instead) {
  if (is_default) return;
  throw weft::ValueError("[DataLoader] got " + std::string(name) + "=" +
                         py::repr(value).cast<std::string>() +
                         ", which is not supported: " + instead);
}

std::unique_ptr<Loader> make_loader(const py::object& dataset, Index batch_size,
                                    std::optional<bool> shuffle, const py::object& transforms,
                                    const py::object& collate_fn, bool drop_last, int workers,
                                    std::optional<int> prefetch, std::optional<std::uint64_t> seed,
                                    bool pin_memory, const std::optional<Device>& device,
                                    bool /*persistent_workers*/, Generator* generator,
                                    const py::object& sampler, const py::object& batch_sampler,
                                    const py::object& timeout, const py::object& worker_init_fn,
                                    const py::object& context) {
  refuse("sampler", sampler, sampler.is_none(), "weft.data.Subset takes samples in an order");
  refuse("batch_sampler", batch_sampler, batch_sampler.is_none(),
         "weft.data.Subset takes samples in an order");
  refuse("timeout", timeout, timeout.equal(py::int_(0)), "the loader waits for its workers");
  refuse("worker_init_fn", worker_init_fn, worker_init_fn.is_none(),
         "workers are threads, and seed decides what transforms draw");
  refuse("multiprocessing_context", context, context.is_none(), "workers are threads");
  const bool shuffled = shuffle.value_or(false);
  const DataLoaderOptions options{batch_size,
                                  shuffled,
                                  drop_last,
                                  workers,
                                  prefetch.value_or(2),
                                  seed_of(seed, generator, shuffled),
                                  pin_memory,
                                  device.value_or(kCPU)};
  return std::make_unique<Loader>(dataset, transforms, options, collate_fn);
}

}  // namespace

void bind_loader(py::module_& m) {
  py::class_<LoaderIterator>(m, "_LoaderIterator", "A loop over a loader.")
      .def("__iter__", [](const py::object& self) { return self; })
      .def("__next__", &next_batch)
      .def("__len__", [](const LoaderIterator& i) { return i.loader().get().size(); });
  py::class_<Loader>(
      m, "DataLoader",
      "DataLoader(dataset, batch_size=1, shuffle=False, *, transforms=(), collate_fn=None, "
      "drop_last=False, num_workers=1, prefetch_factor=2, seed=None, pin_memory=False, "
      "device=None, persistent_workers=True, generator=None)\n\n"
      "Batches (images [N, C, H, W], labels [N]) of a data set, made by threads; of a data set of "
      "Python what collate_fn, or default_collate(), makes of a list of samples. With transforms "
      "its samples are pairs of picture and label: floats, or unsigned bytes, which become floats "
      "in [0, 1]. A loop over it is an epoch, from its start; only the first loop after "
      "set_state() or Checkpoint.load() goes on in the middle of one. A loop that begins while "
      "another is at work has threads and an order of its own, and state() is that of the "
      "other.\n\n"
      "The batches depend on data set, seed and position alone. seed: of the order and of the "
      "transforms; with shuffle=True, None takes one from the generator, or the default one, "
      "here, not at each epoch; else it is 0. With a CUDA device, batches are sent "
      "there as soon as they are made, on a stream of the loader's own; pin_memory leaves them in "
      "memory of the host that devices read by themselves. The threads always persist. Of "
      "PyTorch's sampler, batch_sampler, timeout, worker_init_fn and multiprocessing_context the "
      "defaults are taken, ValueError for others.\n\n"
      ">>> images = weft.zeros(4, 3, 8, 8, dtype=weft.uint8)\n"
      ">>> pictures = weft.data.ImageDataset(images, weft.tensor([0, 1, 0, 1]), [\"cat\", "
      "\"dog\"])\n"
      ">>> loader = weft.data.DataLoader(pictures, batch_size=2, shuffle=True, seed=1)\n"
      ">>> len(loader)\n"
      "2\n"
      ">>> for images, labels in loader:\n"
      "...     images.shape, labels.shape\n"
      "(weft.Size([2, 3, 8, 8]), weft.Size([2]))\n"
      "(weft.Size([2, 3, 8, 8]), weft.Size([2]))")
      .def(py::init(&make_loader), "dataset"_a, "batch_size"_a = 1, "shuffle"_a = false,
           py::kw_only(), "transforms"_a = py::tuple(), "collate_fn"_a = py::none(),
           "drop_last"_a = false, "num_workers"_a = 1, "prefetch_factor"_a = 2,
           "seed"_a = py::none(), "pin_memory"_a = false, "device"_a = py::none(),
           "persistent_workers"_a = true, "generator"_a = py::none(), "sampler"_a = py::none(),
           "batch_sampler"_a = py::none(), "timeout"_a = 0, "worker_init_fn"_a = py::none(),
           "multiprocessing_context"_a = py::none())
      .def("__len__", [](const Loader& l) { return l.get().size(); })
      .def("__iter__",
           [](const py::object& self) { return std::make_unique<LoaderIterator>(self); })
      .def_property_readonly("dataset", &Loader::dataset, "The data set that was given.")
      .def_property_readonly(
          "batch_size", [](const Loader& l) { return l.options().batch_size; },
          "Samples in a batch.")
      .def("state", &state_of, "(seed, epoch, batch) of the next batch to come.")
      .def("set_state", &set_state, "The next loop goes on from what state() returned.", "state"_a)
      .def("close", &Loader::close, "Ends its threads; the loader is of no use afterwards.");
}

}  // namespace weft::python
