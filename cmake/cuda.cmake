# The CUDA target: NCCL and the .cu kernels, linked into a second binary `dcmmm-cuda`, so that the CPU binary needs no GPU library.
