#pragma once

// Everything, in one include.
#include <weft/autograd/engine.h>
#include <weft/autograd/function.h>
#include <weft/autograd/gradcheck.h>
#include <weft/autograd/mode.h>
#include <weft/core/allocator.h>
#include <weft/core/context.h>
#include <weft/core/random.h>
#include <weft/core/tensor.h>
#include <weft/core/threads.h>
#include <weft/nn/activation.h>
#include <weft/nn/checkpoint.h>
#include <weft/nn/clip.h>
#include <weft/nn/conv.h>
#include <weft/nn/init.h>
#include <weft/nn/linear.h>
#include <weft/nn/module.h>
#include <weft/nn/optim.h>
#include <weft/nn/scheduler.h>
#include <weft/nn/sequential.h>
#include <weft/ops/autocast.h>
#include <weft/ops/conv.h>
#include <weft/ops/dropout.h>
#include <weft/ops/elementwise.h>
<<<<<<< HEAD
#include <weft/ops/embedding.h>
#include <weft/ops/index.h>
    =======
#include <weft/ops/loss.h>
    >>>>>>> 5bf32a3 (Softmax along rows and columns; tests of reductions)
#include <weft/ops/make.h>
#include <weft/ops/matmul.h>
#include <weft/ops/norm.h>
#include <weft/ops/pool.h>
#include <weft/ops/reduce.h>
#include <weft/ops/shape.h>
#include <weft/ops/softmax.h>
