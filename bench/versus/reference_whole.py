"""The package deepcausalmmm fitted whole to the real panel at its own defaults (hidden 280): its holdout error, and the
seconds from the table to that, as JSON.

  reference_whole.py CSV HOLDOUT_WEEKS THREADS [EPOCHS]      EPOCHS: the package's own number where it is left out"""

import json
import logging
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import pandas
import torch
from deepcausalmmm.core import get_default_config
from deepcausalmmm.core.data import UnifiedDataPipeline
from deepcausalmmm.core.trainer import ModelTrainer
from reference_step import read


def observed_cells(csv):
    """Whether the table has a row, regions x weeks in the order of read()."""
    index = pandas.read_csv(csv, usecols=["dmacode", "weekid"]).set_index(["dmacode", "weekid"]).index
    return pandas.MultiIndex.from_product(index.levels).isin(index).reshape(*map(len, index.levels))


def main():
    csv, holdout, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(threads)
    config = get_default_config()
    if len(sys.argv) > 4:
        config["n_epochs"] = int(sys.argv[4])
    torch.manual_seed(config["random_seed"])
    np.random.seed(config["random_seed"])
    start, start_processor = time.perf_counter(), time.process_time()
    media_RTC, controls_RTK, target_RT = read(csv)
    pipeline = UnifiedDataPipeline(config)
    # Rounded down to whole weeks by the package.
    training, held_out = pipeline.temporal_split(media_RTC, controls_RTK, target_RT,
                                                 holdout_ratio=(holdout + 0.5) / target_RT.shape[1])
    tensors, later = pipeline.fit_and_transform_training(training), pipeline.transform_holdout(held_out)
    trainer = ModelTrainer(config)
    model = trainer.create_model(n_media=tensors["X_media"].shape[2], n_control=tensors["X_control"].shape[2],
                                 n_regions=tensors["X_media"].shape[0])
    trainer.create_optimizer_and_scheduler()
    keys = ("X_media", "X_control", "R", "y")
    trainer.train(*(tensors[key] for key in keys), *(later[key] for key in keys), pipeline=pipeline, verbose=False)
    model.eval()
    with torch.no_grad():
        predicted = model(later["X_media"], later["X_control"], later["R"])[0]
    predicted_RT = pipeline.inverse_transform_predictions(predicted).numpy()
    seconds, processor = time.perf_counter() - start, time.process_time() - start_processor
    # Over the cells that the table has, as dcmmm counts; the package takes missing rows for zeros.
    error = (predicted_RT - target_RT[:, -holdout:])[observed_cells(csv)[:, -holdout:]]
    print(json.dumps({"holdout_rmse": float(np.sqrt(np.mean(np.square(error, dtype=np.float64)))), "cells": error.size,
                      "epochs": config["n_epochs"], "warm_start_epochs": config["warm_start_epochs"],
                      "seconds": seconds, "processor_seconds": processor}))


if __name__ == "__main__":
    main()
