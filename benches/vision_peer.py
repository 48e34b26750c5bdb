#!/usr/bin/env python3
"""The Python side of `cargo bench --bench vision`: detect, align and embed with onnxruntime.

    pip install numpy onnxruntime opencv-python-headless
    python3 vision_peer.py job.json

Everything on one thread. Prints one JSON object: seconds of CPU time a frame, and the vectors of all
recognisers end to end (an empty list where no face was found).
"""
import json
import sys
import time

import cv2
import numpy as np
import onnxruntime as ort

SIDE, THRESHOLD, OVERLAP, PADDING = 320, 0.5, 0.4, 0.25
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
                     [41.5493, 92.3655], [70.7299, 92.2041]])
cv2.setNumThreads(1)


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Detector:
    """YuNet."""

    def __init__(self, path):
        self.session = session(path)
        self.input = self.session.get_inputs()[0].name
        self.names = [f"{kind}_{stride}" for stride in (8, 16, 32)
                      for kind in ("cls", "obj", "bbox", "kps")]
        self.cells = []
        for stride in (8, 16, 32):
            rows, columns = np.mgrid[:SIDE // stride, :SIDE // stride]
            self.cells.append(np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float32))

    def find(self, frame):
        height, width = frame.shape[:2]
        scale = SIDE / max(height, width)
        size = (int(width * scale), int(height * scale))
        image = np.zeros((SIDE, SIDE, 3), np.uint8)
        image[:size[1], :size[0]] = cv2.resize(frame, size)
        blob = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)[None], dtype=np.float32)
        outputs = self.session.run(self.names, {self.input: blob})
        boxes, scores, points = [], [], []
        for at, stride in enumerate((8, 16, 32)):
            kind, thing, box, marks = (x[0] for x in outputs[4 * at:4 * at + 4])
            score = np.sqrt(kind[:, 0].clip(0, 1) * thing[:, 0].clip(0, 1))
            keep = np.flatnonzero(score >= THRESHOLD)
            if not len(keep):
                continue
            cells, box, marks = self.cells[at][keep], box[keep], marks[keep]
            centre = (cells + box[:, :2]) * stride
            half = np.exp(box[:, 2:]) * stride / 2
            boxes.append(np.concatenate([centre - half, centre + half], 1) / scale)
            points.append((marks.reshape(-1, 5, 2) + cells[:, None]) * stride / scale)
            scores.append(score[keep])
        if not boxes:
            return []
        boxes, points = np.concatenate(boxes), np.concatenate(points)
        order = np.concatenate(scores).argsort()[::-1]
        area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
        kept = []
        while len(order):
            best, order = order[0], order[1:]
            kept.append((boxes[best], points[best]))
            low = np.maximum(boxes[best, :2], boxes[order, :2])
            high = np.minimum(boxes[best, 2:], boxes[order, 2:])
            shared = np.maximum(0, high - low + 1).prod(1)
            order = order[shared / (area[best] + area[order] - shared) <= OVERLAP]
        return kept


class Recogniser:
    """Any recogniser of aligned faces."""

    def __init__(self, job):
        self.session = session(job["path"])
        entry = self.session.get_inputs()[0]
        self.input, self.channels_last = entry.name, entry.shape[-1] == 3
        self.outputs = [job["output"] or self.session.get_outputs()[0].name]
        self.side, self.bgr = job["side"], job["bgr"]
        self.template = (TEMPLATE - 56) * job["zoom"] + self.side / 2
        self.mean = np.array(job["mean"], np.float32)
        self.scale = 1 / np.array(job["deviation"], np.float32)
        self.plain = not self.mean.any() and (self.scale == 1).all()

    def embed(self, frame, points):
        crop = cv2.warpAffine(frame, similarity(points, self.template), (self.side, self.side))
        if self.bgr:
            crop = crop[:, :, ::-1]
        blob = crop.astype(np.float32)
        if not self.plain:
            blob = (blob - self.mean) * self.scale
        blob = blob[None] if self.channels_last else blob.transpose(2, 0, 1)[None]
        vector = self.session.run(self.outputs, {self.input: np.ascontiguousarray(blob)})[0].ravel()
        return vector / np.linalg.norm(vector)


def similarity(source, target):
    """Umeyama's least-squares similarity, in closed form in the plane."""
    a, b = source.mean(0), target.mean(0)
    x, y = source - a, target - b
    spread = (x * x).sum()
    along, across = (x * y).sum() / spread, (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum() / spread
    turn = np.array([[along, -across], [across, along]])
    return np.concatenate([turn, (b - turn @ a)[:, None]], 1)


def padded(frame):
    height, width = frame.shape[:2]
    top, left = int(height * PADDING), int(width * PADDING)
    return cv2.copyMakeBorder(frame, top, top, left, left, cv2.BORDER_CONSTANT,
                              value=(128, 128, 128))


def read(frame, detector, recognisers):
    faces = detector.find(frame)
    if not faces:
        frame = padded(frame)
        faces = detector.find(frame)
    if not faces:
        return []
    box, points = max(faces, key=lambda face: (face[0][2:] - face[0][:2]).prod())
    return np.concatenate([recogniser.embed(frame, points) for recogniser in recognisers])


def main():
    job = json.load(open(sys.argv[1]))
    detector = Detector(job["detector"])
    recognisers = [Recogniser(recogniser) for recogniser in job["recognisers"]]
    frames = [np.fromfile(frame["path"], np.uint8).reshape(*frame["size"], 3)
              for frame in job["frames"]]
    # Ours is warm from its second round on; each of these is a process of its own.
    for frame in frames:
        read(frame, detector, recognisers)
    seconds, vectors = [], []
    for frame in frames:
        start = time.thread_time()
        vector = read(frame, detector, recognisers)
        seconds.append(time.thread_time() - start)
        vectors.append([float(x) for x in vector])
    print(json.dumps({"peer": "onnxruntime " + ort.__version__, "seconds": seconds,
                      "vectors": vectors}))


main()
