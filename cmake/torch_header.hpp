// The project's one precompiled header: what model, trainer and analysis see of LibTorch (<torch/torch.h> would cost 21
// s a file).
#pragma once
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
