"""dcmmm's model and training step, written as one would in PyTorch: nn.GRU, the carry-over as one product with a
triangular matrix, the baseline's quadratic form made once, AdamW, gradients clipped. Prints what a step costs, as JSON.

  pytorch_step.py HIDDEN STEPS THREADS [REGIONS [WEEKS [DEVICE]]]    HIDDEN 0: without the GRU; DEVICE: cpu or cuda

R regions, T training weeks, C channels, K controls, S columns of season."""

import json
import math
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

CHANNELS, CONTROLS, HARMONICS = 13, 7, 2
STIFFNESS, PERSISTENCE = 20.0, 0.95


class MixModel(nn.Module):
    """Effects f of the media, the controls and the season, and the deviations of the coefficients' logs."""

    def __init__(self, media_RTC, controls_RTK, hidden):
        super().__init__()
        R, T, C = media_RTC.shape
        weeks = torch.arange(T)
        season = [wave(2 * math.pi * k * weeks / 52.18) for k in range(1, HARMONICS + 1) for wave in (torch.sin, torch.cos)]
        self.register_buffer("media", media_RTC)
        self.register_buffer("controls", controls_RTK)
        self.register_buffer("season", torch.stack(season, 1))
        self.register_buffer("lag", (weeks[:, None] - weeks[None, :]).float())
        self.decay_logit = nn.Parameter(torch.full((C,), math.log(0.4 / 0.6)))
        self.exponent_raw = nn.Parameter(torch.full((C,), -1.5))
        self.log_half = nn.Parameter(torch.zeros(C))
        self.log_mean = nn.Parameter(torch.full((C,), -4.0))
        self.control = nn.Parameter(torch.zeros(controls_RTK.shape[2]))
        self.pattern = nn.Parameter(torch.zeros(2 * HARMONICS))
        self.region_effect = nn.Parameter(torch.zeros(R, C))
        self.region_scale = nn.Parameter(torch.zeros(R))
        self.gru = nn.GRU(C + controls_RTK.shape[2] + 2 * HARMONICS, hidden, batch_first=True) if hidden else None
        self.output = nn.Linear(hidden, C) if hidden else None

    def local(self):
        return [self.region_effect, self.region_scale]

    def shared(self):
        own = {id(parameter) for parameter in self.local()}
        return [parameter for parameter in self.parameters() if id(parameter) not in own]

    def response(self):
        decay = torch.sigmoid(self.decay_logit)
        weight_TTC = torch.where(self.lag[..., None] >= 0, decay ** self.lag.clamp_min(0)[..., None], 0.0) * (1 - decay)
        adstock = torch.einsum("tsc,rsc->rtc", weight_TTC, self.media)
        exponent = 2.0 + functional.softplus(self.exponent_raw)
        return torch.sigmoid(exponent * (torch.log(adstock + 1e-4) - self.log_half))

    def forward(self):
        response_RTC = self.response()
        level = (self.log_mean + self.region_effect).unsqueeze(1)
        deviation_RTC = None
        if self.gru is not None:
            season = self.season.expand(len(response_RTC), -1, -1)
            state, _ = self.gru(torch.cat([response_RTC - 0.5, self.controls, season], -1))
            deviation_RTC = 0.3 * torch.tanh(self.output(state))
            level = level + deviation_RTC
        effect_RT = (functional.softplus(level) * response_RTC).sum(-1) + self.controls @ self.control
        return effect_RT + (1 + self.region_scale).unsqueeze(1) * (self.season @ self.pattern), deviation_RTC

    def penalty(self, deviation_RTC, cells):
        """Priors, as docs/model.md has them."""
        own = self.region_effect.square().sum() / 0.1**2 + self.region_scale.square().sum() / 0.05**2
        shared = ((self.decay_logit + 0.4).square().sum() / 0.7**2 + (self.exponent_raw + 1.5).square().sum() / 0.5**2 +
                  self.log_half.square().sum() / 0.7**2 + (self.log_mean + 4).square().sum() / 0.5**2)
        ridge = functional.softplus(self.log_mean).square().sum() + self.control.square().sum() + self.pattern.square().sum()
        total = own / (2 * cells) + shared / (0.04 * cells) + ridge / cells
        if self.gru is None:
            return total
        weights = sum(weight.square().sum() for weight in self.gru.parameters())
        change = deviation_RTC[:, 1:] - deviation_RTC[:, :-1]
        return (total + 0.005 * weights / (0.02 * cells) +
                0.5 * (deviation_RTC.square().mean() / 0.1**2 + change.square().mean() / 0.01**2))


def profiled_form(weeks, cell_weight_RT):
    """Q [R, T, T] of e'Qe: what the AR(1) baseline around a free level leaves of residuals e. Made once."""
    step = torch.eye(weeks, dtype=torch.float64)[1:] - PERSISTENCE * torch.eye(weeks, dtype=torch.float64)[:-1]
    prior = STIFFNESS * step.T @ step
    prior[0, 0] += STIFFNESS * (1 - PERSISTENCE**2)
    weight = torch.diag_embed(cell_weight_RT.double())
    form = weight - weight @ torch.linalg.solve(weight + prior, weight)
    level = form.sum(-1, keepdim=True)
    return (form - level @ level.transpose(1, 2) / level.sum(1, keepdim=True)).float()


def main():
    hidden, steps, threads = (int(word) for word in sys.argv[1:4])
    regions, weeks = (int(word) for word in (sys.argv[4:6] + ["190", "101"][len(sys.argv[4:6]):])[:2])
    device = sys.argv[6] if len(sys.argv) > 6 else "cpu"
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    torch.set_default_device(device)
    media = torch.rand(regions, weeks, CHANNELS).mul(2)
    target = 1 + 0.1 * torch.randn(regions, weeks)
    form_RTT = profiled_form(weeks, torch.ones(regions, weeks))
    region_weight = torch.rand(regions) + 0.5
    model = MixModel(media, torch.randn(regions, weeks, CONTROLS), hidden)
    cells = regions * weeks
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.0)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 10)

    def step():
        optimizer.zero_grad(set_to_none=True)
        effect_RT, deviation_RTC = model()
        residual = (target - effect_RT).unsqueeze(-1)
        square_R = (residual * (form_RTT @ residual)).sum((1, 2))
        loss = (region_weight * square_R).sum() / (2 * 0.01 * cells) + model.penalty(deviation_RTC, cells)
        loss.backward()
        nn.utils.clip_grad_norm_(model.shared(), 1.0)
        norm_R = torch.sqrt(model.region_effect.grad.square().sum(1) + model.region_scale.grad.square())
        factor = (1.0 / (norm_R + 1e-12)).clamp_max(1.0)
        model.region_effect.grad *= factor.unsqueeze(1)
        model.region_scale.grad *= factor
        optimizer.step()
        warmup.step()
        return loss.item()

    for _ in range(2):
        step()
    clock, processor = [], []
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    for _ in range(steps):
        start, start_processor = time.perf_counter(), time.process_time()
        loss = step()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if device == "cuda":
        memory = torch.cuda.max_memory_allocated()
    print(json.dumps({"step_seconds_median": statistics.median(clock),
                      "step_processor_seconds_median": statistics.median(processor),
                      "peak_memory_bytes": memory,
                      "loss": loss, "version": torch.__version__}))


if __name__ == "__main__":
    main()
