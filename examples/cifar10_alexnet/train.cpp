#include <weft/examples/cifar10_alexnet/train.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/data/file.h>
#include <weft/data/loader.h>
#include <weft/data/safetensors.h>
#include <weft/examples/cifar10_alexnet/curve.h>
#include <weft/examples/cifar10_alexnet/evaluation.h>
#include <weft/examples/cifar10_alexnet/pictures.h>
#include <weft/examples/cifar10_alexnet/progress.h>
#include <weft/examples/cifar10_alexnet/recipe.h>
#include <weft/examples/cifar10_alexnet/run_folder.h>
#include <weft/examples/cifar10_alexnet/signals.h>
#include <weft/nn/checkpoint.h>
#include <weft/ops/autocast.h>
#include <weft/ops/loss.h>

namespace cifar {

using namespace weft;

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void save_text(const std::string& path, const std::string& text) {
  data::save_file(path, [&](data::OutputFile& file) { file.write(text); });
}

data::DataLoader make_loader(const data::ImageDataset& set, const Recipe& r, Device device) {
  return {set,
          for_training(crops_and_flips(r)),
          {.batch_size = std::min(r.batch_size, set.size()),
           .shuffle = true,
           .drop_last = true,
           .workers = 1,
           .seed = r.seed,
           .device = device}};
}

// A run: everything that a checkpoint brings back.
class Run {
 public:
  Run(const Recipe& recipe, RunFolder folder, const Split& train, const Split& test, Device device)
      : recipe_(recipe),
        folder_(std::move(folder)),
        train_(train),
        test_(test),
        model_(make_model(recipe.preset)),
        optimizer_(make_optimizer(model_, recipe)),
        loader_(make_loader(train.set, recipe, device)),
        schedule_(make_schedule(optimizer_, recipe, loader_.size())) {
    model_.to(device);
    checkpoint_.add("model", model_).add("optimizer", optimizer_).add("scheduler", *schedule_);
    checkpoint_.add("generator", default_generator()).add("loader", loader_);
    checkpoint_.add("epoch", epoch_).add("step", step_).add("log_bytes", log_bytes_);
    checkpoint_.add("loss_sum", loss_sum_).add("seconds", seconds_);
    checkpoint_.metadata = to_text(recipe);
    checkpoint_.metadata["data"] = train.set.images().fingerprint();
  }

  // A run that is killed in its first epoch goes on from here.
  void begin() {
    checkpoint_.save(folder_.checkpoint());
    folder_.start_log(log_bytes_);
  }

  void resume() {
    const std::string expected = checkpoint_.metadata["data"];
    checkpoint_.load(folder_.checkpoint());
    if (checkpoint_.metadata["data"] != expected) {
      throw ValueError(
          fmt::format("[resume] got other training pictures ({}), expected those that "
                      "the run began with ({}); give them with --data",
                      expected, checkpoint_.metadata["data"]));
    }
    folder_.start_log(log_bytes_);
  }

  int go(bool bar) {
    Progress progress(bar, recipe_.epochs, loader_.size());
    while (epoch_ < recipe_.epochs) {
      if (!run_epoch(progress)) {
        save();
        progress.line(
            fmt::format("stopped after step {}; go on with --resume {}", step_, folder_.path()));
        return 128 + noted_signal();
      }
      finish_epoch(progress);
    }
    report(progress);
    return 0;
  }

 private:
  // False if a signal ended it early.
  bool run_epoch(Progress& progress) {
    start_ = Clock::now();
    while (const auto batch = loader_.next()) {
      const auto begin = Clock::now();
      const double loss = train_step(*batch);
      const double speed = static_cast<double>(batch->size()) / since(begin);
      progress.step(step_, epoch_ + 1, loss, speed);
      folder_.log_step(step_, epoch_ + 1, loss, lr_, speed);
      if (noted_signal()) {
        seconds_ += since(start_);
        return false;
      }
    }
    return true;
  }

  double train_step(const data::Batch& batch) {
    lr_ = schedule_->last_lr()[0];
    Tensor loss;
    {
      const AutocastGuard autocast(bf16, recipe_.precision == "bf16");
      CrossEntropyOptions options;
      options.label_smoothing = label_smoothing(recipe_);
      loss = cross_entropy(model_(batch.images), batch.labels, options);
    }
    loss.backward();
    optimizer_.step();
    optimizer_.zero_grad();
    ++step_;
    if (step_ < recipe_.epochs * loader_.size()) schedule_->step();
    const auto value = loss.item<double>();
    loss_sum_ += value;
    return value;
  }

  void finish_epoch(Progress& progress) {
    evaluation_ = evaluate(model_, test_.set, recipe_.precision);
    const EpochRecord record{++epoch_, loss_sum_ / static_cast<double>(loader_.size()),
                             evaluation_.loss, evaluation_.accuracy(), seconds_ + since(start_)};
    folder_.log_epoch(record);
    loss_sum_ = seconds_ = 0;
    save();
    save_model();
    progress.line(
        fmt::format("epoch {}/{}: training loss {:.3f}, test loss {:.3f}, test accuracy "
                    "{:.2f} %, {:.0f} s",
                    epoch_, recipe_.epochs, record.train_loss, record.test_loss,
                    100 * record.test_accuracy, record.seconds));
  }

  void save() {
    log_bytes_ = folder_.sync_log();
    checkpoint_.save(folder_.checkpoint());
  }

  void save_model() {
    nn::save_weights(folder_.file("model.safetensors"), model_,
                     {{"model", "cifar10_alexnet"},
                      {"preset", recipe_.preset},
                      {"precision", recipe_.precision}});
  }

  void report(Progress& progress) {
    // A run that is resumed after its end has no evaluation yet, and may lack its last files.
    if (evaluation_.confusion.empty()) evaluation_ = evaluate(model_, test_.set, recipe_.precision);
    save_model();
    save_text(folder_.file("confusion.csv"), confusion_csv(evaluation_));
    save_text(folder_.file("curve.svg"), curve_svg(folder_.epochs()));
    progress.line(confusion_table(evaluation_));
    progress.line(fmt::format("test accuracy {:.2f} % ({} of {}); all of it in {}",
                              100 * evaluation_.accuracy(), evaluation_.right(),
                              evaluation_.total(), folder_.path()));
  }

  Recipe recipe_;
  RunFolder folder_;
  const Split &train_, &test_;
  nn::AlexNet model_;
  optim::SGD optimizer_;
  data::DataLoader loader_;
  std::unique_ptr<optim::Scheduler> schedule_;
  nn::Checkpoint checkpoint_;
  Index epoch_ = 0, step_ = 0, log_bytes_ = 0;  // epochs and steps done
  double loss_sum_ = 0, seconds_ = 0;           // of the epoch begun
  double lr_ = 0;
  Clock::time_point start_;
  Evaluation evaluation_;
};

// The recipe of the run to go on with; Error if the command line says otherwise.
Recipe resumed_recipe(const Options& o, const RunFolder& folder) {
  TextMap text;
  load_safetensors(folder.checkpoint(), &text);
  const Recipe r = to_recipe(text, folder.checkpoint());
  const auto now = to_text(o.recipe);
  for (const std::string& option : o.given) {
    std::string key = option.substr(2);
    std::replace(key.begin(), key.end(), '-', '_');
    if (now.at(key) != text.at(key)) {
      throw ValueError(fmt::format("[resume] got {} {}, expected the run's own: {}", option,
                                   now.at(key), text.at(key)));
    }
  }
  return r;
}

}  // namespace

int train(const Options& o) {
  Recipe recipe = o.recipe;
  std::optional<RunFolder> folder;
  if (!o.resume.empty()) {
    folder.emplace(RunFolder::open(o.resume));
    recipe = resumed_recipe(o, *folder);
  }
  complete(recipe);
  const Device device = device_of(o.device);
  if (o.threads) set_num_threads(o.threads);
  use_deterministic_algorithms(recipe.deterministic);
  manual_seed(recipe.seed);
  const Split training = load_split(o.data, true, recipe.limit_train);
  const Split test = load_split(o.data, false, recipe.limit_test);
  fmt::print("{} training and {} test pictures from {}\n", training.set.size(), test.set.size(),
             training.source);
  if (!folder) folder.emplace(RunFolder::create(o.out));
  Run run(recipe, std::move(*folder), training, test, device);
  o.resume.empty() ? run.begin() : run.resume();
  note_signals();
  return run.go(o.progress);
}

}  // namespace cifar
