#pragma once

#include <map>
#include <memory>
#include <string>

#include <weft/autograd/mode.h>
#include <weft/core/random.h>
#include <weft/nn/attempt.h>
#include <weft/nn/clip.h>
#include <weft/nn/models/alexnet.h>
#include <weft/nn/optim.h>
#include <weft/ops/loss.h>
#include <weft/ops/make.h>

namespace weft::test {

// Bytes by name, outside of the allocator that tests make fail.
using Bytes = std::map<std::string, std::string>;

inline std::string bytes_of(const Tensor& t) {
  const NoGradGuard no_grad;
  const Tensor plain = t.detach().contiguous().cpu();
  return {static_cast<const char*>(plain.data()), plain.nbytes()};
}

// The names under which two states differ, in one line; empty if they are the same.
inline std::string changes(const Bytes& a, const Bytes& b) {
  std::string names;
  for (const auto& [name, bytes] : a) {
    const auto other = b.find(name);
    if (other == b.end()) {
      names += name + " is gone; ";
    } else if (other->second != bytes) {
      names += name + "; ";
    }
  }
  for (const auto& [name, bytes] : b) {
    if (!a.contains(name)) names += name + " is new; ";
  }
  return names;
}

// Adds what an object of state_dict() holds.
inline void add_state(Bytes& all, const std::string& part, const nn::Stateful& object) {
  for (const auto& [name, tensor] : object.state_dict()) all[part + "/" + name] = bytes_of(tensor);
}

inline void add_generator(Bytes& all) {
  const RandomKey key = default_generator().state();
  all["generator"] = std::to_string(key.seed) + " " + std::to_string(key.offset);
}

// Training of a small AlexNet: convolutions, batch norm, max pools, dropout, linear layers, cross
// entropy, SGD with momentum. Equal seeds give equal runs.
struct Training {
  struct Size {
    std::vector<Index> channels = {4, 6, 8, 6, 5}, hidden = {16, 12};
    Index batch = 4, side = 16;
    bool lazy = false;  // parameters are made in the first forward pass
    bool adam = false;
    bool large_pictures = false;  // 11x11 and 5x5 kernels, strides; side 64 or more
    Device device = kCPU;
  };

  Size size;
  nn::AlexNet net;
  std::unique_ptr<optim::Optimizer> optimizer;
  Tensor pictures, labels, loss;

  explicit Training(const Size& s, std::uint64_t seed = 7) : size(s), net(seeded(s, seed)) {
    pictures = randn({s.batch, 3, s.side, s.side}).to(s.device);
    labels = randint(0, 10, {s.batch}).to(s.device);
    if (!s.lazy) {
      net.materialize(pictures.sizes());
      net.to(s.device);
      add_optimizer();
    }
  }
  Training() : Training(Size()) {}

  void add_optimizer() {
    if (size.adam) {
      optimizer = std::make_unique<optim::AdamW>(net.parameters(),
                                                 optim::AdamWOptions{.lr = 0.01, .amsgrad = true});
    } else {
      optimizer = std::make_unique<optim::SGD>(
          net.parameters(), optim::SGDOptions{.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3});
    }
  }

  void forward() {
    nn::Attempt attempt;  // the loss may fail, too
    loss = cross_entropy(net(pictures), labels);
    attempt.keep();
  }
  void backward(bool retain_graph = false) { loss.backward({}, retain_graph); }
  void clip() {
    nn::clip_grad_norm_(net.parameters(), 0.5);
    nn::clip_grad_value_(net.parameters(), 0.02);
  }
  void step() { optimizer->step(); }

  // All that a run consists of, gradients included.
  Bytes state() const {
    Bytes all;
    add_generator(all);
    try {
      for (const auto& [name, p] : net.named_parameters()) {
        if (p.grad().defined()) all[name + ".grad"] = bytes_of(p.grad());
      }
    } catch (const Error&) {  // not made yet
      return all;
    }
    add_state(all, "net", net);
    if (optimizer) add_state(all, "optimizer", *optimizer);
    return all;
  }

 private:
  static nn::AlexNetOptions seeded(const Size& s, std::uint64_t seed) {
    manual_seed(seed);
    nn::AlexNetOptions o;
    o.classes = 10;
    o.channels = s.channels;
    o.hidden = s.hidden;
    o.small_pictures = !s.large_pictures;
    o.batch_norm = true;
    return o;
  }
};

}  // namespace weft::test
