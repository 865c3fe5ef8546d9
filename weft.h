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
#include <weft/ops/autocast.h>
#include <weft/ops/conv.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/matmul.h>
#include <weft/ops/reduce.h>
#include <weft/ops/shape.h>
