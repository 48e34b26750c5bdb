"""The Fréchet distance of two files of features by pytorch-fid's own formula, timed.

    python3 frechet_peer.py A.f32 B.f32 WIDTH

Needs numpy, pytorch-fid and a scipy that it works with (below 1.18). Prints one JSON line.
"""

import json
import sys
import time

import numpy
from pytorch_fid.fid_score import calculate_frechet_distance


def moments(features):
    """Mean and covariance, as pytorch-fid's `calculate_activation_statistics` takes them."""
    return numpy.mean(features, axis=0), numpy.cov(features, rowvar=False)


def main():
    width = int(sys.argv[3])
    sets = [numpy.fromfile(path, dtype=numpy.float32).reshape(-1, width) for path in sys.argv[1:3]]
    start = time.perf_counter()
    # pytorch-fid's array of activations is in double precision.
    (mu_a, sigma_a), (mu_b, sigma_b) = (moments(of.astype(numpy.float64)) for of in sets)
    distance = calculate_frechet_distance(mu_a, sigma_a, mu_b, sigma_b)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "distance": float(distance)}))


main()
