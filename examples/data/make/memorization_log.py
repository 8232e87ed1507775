"""What a training loop calls after every epoch, for the program `memorization`: two small files an epoch, and the study
that names them. Needs NumPy.

    log = Log("study", vocabulary=50257, targets=ids, ends=ends_of_texts)      # once; ids: [tokens], -100: not counted
    for epoch in 1, 2, ...:
        ...                                                                  # train, then score the training texts:
        log.epoch("run", epoch, argmax, log_prob, parameters=124_000_000)    # each [tokens], log_prob of the target, nats

then `memorization study/study.json --out results`. A run that goes on appends to what is there. The logits of a batch
give both: `argmax = logits.argmax(-1)`,
`log_prob = logits.float().log_softmax(-1).gather(-1, ids[..., None])[..., 0]`.
"""

import json
import os

import numpy as np


class Log:
    def __init__(self, folder, vocabulary, targets, ends, name="train"):
        self.folder, self.set, self.study = folder, name, {"format": "pauca-memorization", "format_version": 1}
        os.makedirs(folder, exist_ok=True)
        if os.path.exists(self.path("study.json")):
            with open(self.path("study.json"), encoding="utf-8") as file:
                self.study = json.load(file)
        np.save(self.path(f"{name}.targets.npy"), np.asarray(targets, np.int32))
        np.save(self.path(f"{name}.ends.npy"), np.asarray(ends, np.int64))
        arrays = {"tokens": len(targets), "ends": f"{name}.ends.npy", "targets": f"{name}.targets.npy"}
        self.study["vocabulary"] = vocabulary
        self.study.setdefault("sets", {})[name] = arrays

    def path(self, name):
        return os.path.join(self.folder, name)

    def epoch(self, run, epoch, argmax, log_prob, **about):
        np.save(self.path(f"{run}.argmax.{epoch}.npy"), np.asarray(argmax, np.int32))
        np.save(self.path(f"{run}.log_prob.{epoch}.npy"), np.asarray(log_prob, np.float32))
        names = {"argmax": f"{run}.argmax.{{}}.npy", "log_prob": f"{run}.log_prob.{{}}.npy"}
        runs = self.study.setdefault("runs", [])
        known = next((r for r in runs if r["name"] == run), {"epochs": []})
        entry = {**known, "name": run, "set": self.set, **names, **about, "epochs": sorted({*known["epochs"], epoch})}
        self.study["runs"] = [r for r in runs if r["name"] != run] + [entry]
        with open(self.path("study.json.part"), "w", encoding="utf-8") as file:
            json.dump(self.study, file, indent=1)
        os.replace(self.path("study.json.part"), self.path("study.json"))
