#pragma once

#include <map>
#include <memory>

#include <weft/examples/cifar10_alexnet/options.h>
#include <weft/nn/models/alexnet.h>
#include <weft/nn/scheduler.h>

// The two presets: network, optimiser, schedule.
namespace cifar {

// Puts the preset's values where the recipe has none.
void complete(Recipe& recipe);

// The recipe as the text of a checkpoint, and back. to_recipe throws ParseError.
std::map<std::string, std::string> to_text(const Recipe& recipe);
Recipe to_recipe(const std::map<std::string, std::string>& text, const std::string& path);

weft::nn::AlexNet make_model(const std::string& preset);
weft::optim::SGD make_optimizer(weft::nn::Module& model, const Recipe& recipe);
std::unique_ptr<weft::optim::Scheduler> make_schedule(weft::optim::Optimizer& optimizer,
                                                      const Recipe& recipe, Index steps_per_epoch);
double label_smoothing(const Recipe& recipe);
bool crops_and_flips(const Recipe& recipe);

}  // namespace cifar
