"""The package deepcausalmmm on the real panel at its own defaults (hidden 280): seconds of an epoch, as JSON.

  reference_step.py CSV EPOCHS THREADS"""

import json
import logging
import resource
import statistics
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import deepcausalmmm
import numpy as np
import pandas
import torch
from deepcausalmmm.core import get_default_config
from deepcausalmmm.core.data import UnifiedDataPipeline
from deepcausalmmm.core.trainer import ModelTrainer

HOLDOUT_WEEKS = 8


def read(csv):
    """Media, controls and target of the package's own example panel, regions x weeks (x columns)."""
    frame = pandas.read_csv(csv).set_index(["dmacode", "weekid"])
    full = frame.reindex(pandas.MultiIndex.from_product(frame.index.levels), fill_value=0)  # weeks without a row

    def cells(prefix):
        names = [name for name in full if name.startswith(prefix)]
        return full[names].to_numpy(np.float32).reshape(*map(len, frame.index.levels), len(names))

    return cells("impressions_"), cells("control_"), cells("target_visits")[:, :, 0]


def main():
    csv, epochs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(threads)
    config = get_default_config()
    torch.manual_seed(config["random_seed"])
    media_RTC, controls_RTK, target_RT = read(csv)
    pipeline = UnifiedDataPipeline(config)
    T = target_RT.shape[1] - HOLDOUT_WEEKS
    training, _ = pipeline.temporal_split(media_RTC[:, :T], controls_RTK[:, :T], target_RT[:, :T], holdout_ratio=0.0)
    tensors = pipeline.fit_and_transform_training(training)
    trainer = ModelTrainer(config)
    model = trainer.create_model(n_media=tensors["X_media"].shape[2], n_control=tensors["X_control"].shape[2],
                                 n_regions=tensors["X_media"].shape[0])
    trainer.create_optimizer_and_scheduler()
    model.scaling_constants = pipeline.get_scaler().scaling_constants
    trainer.pipeline = pipeline
    model.initialize_baseline(tensors["y"])
    model.initialize_stable_coefficients_from_data(tensors["X_media"], tensors["X_control"], tensors["y"])
    clock, processor = [], []
    for epoch in range(epochs + 1):  # the first one warms up
        start, start_processor = time.perf_counter(), time.process_time()
        trainer.train_epoch(tensors["X_media"], tensors["X_control"], tensors["R"], tensors["y"])
        if epoch > 0:
            clock.append(time.perf_counter() - start)
            processor.append(time.process_time() - start_processor)
    print(json.dumps({"step_seconds_median": statistics.median(clock),
                      "step_processor_seconds_median": statistics.median(processor),
                      "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                      "default_epochs": config["n_epochs"], "hidden": config["hidden_dim"],
                      "version": deepcausalmmm.__version__}))


if __name__ == "__main__":
    main()
