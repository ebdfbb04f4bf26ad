"""deepcausalmmm: the README's basic usage with the default configuration, trained on all weeks that have a target."""

import logging
import warnings

warnings.filterwarnings("ignore")

import deepcausalmmm
import exchange
import numpy as np
import torch
from deepcausalmmm.core import get_default_config
from deepcausalmmm.core.data import UnifiedDataPipeline
from deepcausalmmm.core.trainer import ModelTrainer


def main():
    panel = exchange.panel_argument()
    logging.basicConfig(level=logging.WARNING)
    config = get_default_config()
    torch.manual_seed(config["random_seed"])
    np.random.seed(config["random_seed"])
    media_RTC, controls_RTK = panel.array(panel.media), panel.array(panel.controls)
    target_RT = panel.array(["target"])[:, :, 0]
    T = len(panel.training_weeks)
    # Early stopping and the learning rate follow the holdout where one is given; here its target is unknown, so they
    # follow the training error, the package's other way.
    pipeline = UnifiedDataPipeline(config)
    training, _ = pipeline.temporal_split(media_RTC[:, :T], controls_RTK[:, :T], target_RT[:, :T], holdout_ratio=0.0)
    tensors = pipeline.fit_and_transform_training(training)
    trainer = ModelTrainer(config)
    model = trainer.create_model(n_media=tensors["X_media"].shape[2], n_control=tensors["X_control"].shape[2],
                                 n_regions=tensors["X_media"].shape[0])
    trainer.create_optimizer_and_scheduler()
    trainer.train(tensors["X_media"], tensors["X_control"], tensors["R"], tensors["y"], pipeline=pipeline, verbose=False)

    # As the README evaluates: the holdout is a series of its own, after a burn-in of zeros.
    pipeline.train_weeks = T
    held_out = pipeline.transform_holdout({"X_media": media_RTC[:, T:].astype(np.float32),
                                           "X_control": controls_RTK[:, T:].astype(np.float32),
                                           "y": np.zeros_like(target_RT[:, T:], dtype=np.float32)})
    model.eval()
    with torch.no_grad():
        predicted = model(held_out["X_media"], held_out["X_control"], held_out["R"])[0]
        _, _, contributions, outputs = model(tensors["X_media"], tensors["X_control"], tensors["R"])
    media = pipeline.get_scaler().inverse_transform_contributions(
        contributions[:, pipeline.padding_weeks:], prediction_scale=outputs["prediction_scale"])["media"]
    answer = exchange.Answer(f"deepcausalmmm {deepcausalmmm.__version__}",
                             "README's basic usage, default configuration (1,500 epochs), no holdout to stop at")
    answer.predict(panel, pipeline.inverse_transform_predictions(predicted).numpy())
    total_C = media.sum(dim=(0, 1)).tolist()
    answer.contribution = dict(zip(panel.media, total_C))
    answer.write()


if __name__ == "__main__":
    main()
