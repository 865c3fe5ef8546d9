#pragma once

#include <weft/autograd/node.h>

namespace weft::autograd {

// Adds the gradients of sum(outputs[i] * grad_outputs[i]) to the grad() of every leaf they depend
// on, or only of `inputs`, if there are any; those that are no leaf keep theirs as if retain_grad()
// had been called. grad_outputs: empty, or one for each output; an undefined one means 1 for an
// output of one element. After an error every grad() is as it was before.
WEFT_API void backward(std::span<const Tensor> outputs, std::span<const Tensor> grad_outputs = {},
                       bool retain_graph = false, bool create_graph = false,
                       std::span<const Tensor> inputs = {});

// The same gradients as a list, one for each input; nobody's grad() changes. An input that the
// outputs do not depend on gets an undefined tensor if allow_unused, else AutogradError.
WEFT_API std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                                  std::span<const Tensor> grad_outputs = {},
                                  bool retain_graph = false, bool create_graph = false,
                                  bool allow_unused = false);
WEFT_API std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs,
                                  const Tensor& grad_output = {}, bool retain_graph = false,
                                  bool create_graph = false, bool allow_unused = false);

// Calls hook with the gradient of t whenever it has been computed; returns an id for remove_hook.
WEFT_API int register_hook(const Tensor& t, Hook hook);
WEFT_API void remove_hook(const Tensor& t, int id);

// Calls hook with the leaf t after each backward() that has added to its grad(): for what a program
// wants to do with a gradient at once, such as a step. All gradients of the run are there by then,
// and stay if the hook throws. The hook gets another tensor over the same memory and grad(), since
// what t holds cannot hold t. Returns an id for remove_hook.
using LeafHook = std::function<void(const Tensor& leaf)>;
WEFT_API int register_post_accumulate_grad_hook(const Tensor& t, LeafHook hook);

// Whether retain_grad() was called for a tensor that is no leaf.
WEFT_API bool retains_grad(const Tensor& t);

// Puts the memory of value, as it is, behind every handle to t, which keeps its gradient, its hooks
// and its place on the tape. What was recorded before reads the new elements.
WEFT_API void set_data(const Tensor& t, const Tensor& value);

// For a backward function that differentiates a graph of its own (see checkpoint): the gradients of
// `inputs`, while those of other leaves join the run that is under way on this thread.
WEFT_API std::vector<Tensor> backward_within(std::span<const Tensor> outputs,
                                             std::span<const Tensor> grad_outputs,
                                             std::span<const Tensor> inputs);

// The node whose apply() is running on this thread, or null.
WEFT_API Node* current_node();

}  // namespace weft::autograd
