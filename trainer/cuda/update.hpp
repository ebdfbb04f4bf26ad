// The end of a training step on a GPU, after the sum over ranks: penalty, norm, clip and AdamW, as train_step does
// them. Shapes: E members, R regions of this rank, P shared and L local parameters, B steps of a burst.
#pragma once

#include "model/cuda/step.hpp"
#include "model/penalty_row.hpp"

namespace dcmmm::cuda {

/// What a step did, as the host reads it after the burst.
struct StepRecord {
  double data, deviation, region, penalty, gradient_norm;
};

/// Where the descent is; changed by the device alone while a burst runs.
struct Progress {
  int64_t step;    // steps done
  int64_t taken;   // of this burst
  int64_t halted;  // a member's loss or gradient wasn't finite: the rest of the burst does nothing
};

template <class Real>
struct Update {
  Shape shape;
  Real *shared_EP, *shared_first_EP, *shared_second_EP;
  Real *local_ERL, *local_first_ERL, *local_second_ERL;
  const Real* local_gradient_ERL;
  double* total;  // as Step's, summed over ranks
  const ParameterPenalty* penalty_EP;
  const double *shared_rate_P, *local_rate_L;  // factors on the learning rate
  const int* sign_P;                           // 1: never below 0; -1: never above; 0: free
  const double* rate_N;                        // learning rate of each step of the descent
  const double* active_E;
  const double* decay_E;  // weight decay
  double clip, beta1, beta2, epsilon;
  double* rate_E;  // of this step, from update_shared to update_local
  int* is_bad_E;   // likewise: an active member's step wasn't finite
  StepRecord* record_BE;
  double* signal_B;
  Progress* progress;
};

/// The shared parameters, and the step's record.
template <class Real>
void update_shared(const Update<Real>& update, cudaStream_t stream);
/// The regions' own parameters, at the rates that update_shared left, and on to the next step.
template <class Real>
void update_local(const Update<Real>& update, cudaStream_t stream);

}  // namespace dcmmm::cuda
