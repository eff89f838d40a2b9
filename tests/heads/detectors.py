"""Tiny detectors of every family and spelling, with their decode labelled by hand."""

from __future__ import annotations

import numpy as np

from tests.heads.net import (
    CELLS,
    SIZE,
    STRIDES,
    Net,
    branches,
    centers,
    expectation,
    flat,
    halves,
    sigmoid,
)

ANCHORS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (5, 9), (15, 19), (37, 32))


def distance_boxes(net, boxes, bins, *, dfl="conv", split="slice", form="cxcywh"):
    """``(1, 4, 84)`` boxes in pixels from raw distances."""
    xy, strides = centers()
    distances = boxes if bins == 1 else expectation(net, boxes, bins, dfl)
    low, high = halves(net, distances, 1, split)
    start = net.op("Sub", xy[None], low)
    end = net.op("Add", xy[None], high)
    if form == "xyxy":
        return net.op("Mul", net.op("Concat", start, end, axis=1), strides)
    middle = net.op("Div", net.op("Add", start, end), 2.0)
    size = net.op("Sub", end, start)
    return net.op("Mul", net.op("Concat", middle, size, axis=1), strides)


def yolov8(
    classes=80, bins=16, *, sigmoids="op", order="boxes", last=False, raw_too=False, **spelling
):
    """Decoded YOLOv8, ``1 x 4+C x 84``, in any spelling; its raw maps beside it if wanted."""
    net = Net()
    maps = branches(net, 4 * bins, classes)
    with net.decoding():
        boxes = distance_boxes(net, flat(net, [m[0] for m in maps], 4 * bins), bins, **spelling)
        scores = sigmoid(net, flat(net, [m[1] for m in maps], classes), sigmoids)
        pair = (boxes, scores) if order == "boxes" else (scores, boxes)
        out = net.op("Concat", *pair, axis=1)
        out = net.op("Transpose", out, perm=[0, 2, 1]) if last else out
        raw = [net.op("Concat", *pair, axis=1) for pair in maps] if raw_too else []
    return net, net.model(out, *raw)


def yolov8_raw(classes=80, bins=16, *, joined=True, bias=0.0):
    """YOLOv8 without its decode: three maps of 64+C, or six."""
    net = Net()
    maps = branches(net, 4 * bins, classes, bias=bias)
    if not joined:
        return net, net.model(*(m for pair in maps for m in pair))
    with net.decoding():
        out = [net.op("Concat", *pair, axis=1) for pair in maps]
    return net, net.model(*out)


def split_heads(classes=80, bins=17):
    """Boxes and scores as outputs of their own, decoded: YOLO-NAS."""
    net = Net()
    maps = branches(net, 4 * bins, classes)
    with net.decoding():
        raw = flat(net, [m[0] for m in maps], 4 * bins)
        boxes = distance_boxes(net, raw, bins, dfl="sum", split="split", form="xyxy")
        scores = sigmoid(net, flat(net, [m[1] for m in maps], classes))
        outputs = [net.op("Transpose", v, perm=[0, 2, 1]) for v in (boxes, scores)]
    return net, net.model(*outputs)


def anchor_boxes(net, offsets, sizes, stride, anchors, form):  # noqa: PLR0917
    """Decoded centre and size of ``(1, K, side, side, 2)`` offsets and sizes."""
    side = SIZE // stride
    y, x = np.mgrid[:side, :side].astype(np.float32)
    cells = np.stack([x, y], axis=-1)[None, None]
    wh = np.array(anchors, np.float32).reshape(1, -1, 1, 1, 2)
    if form == "squared-sigmoid":
        at = net.op("Add", net.op("Mul", net.op("Sigmoid", offsets), 2.0), cells - 0.5)
        size = net.op("Mul", net.op("Pow", net.op("Mul", net.op("Sigmoid", sizes), 2.0), 2.0), wh)
    else:
        at = net.op("Add", net.op("Sigmoid", offsets), cells)
        size = net.op("Mul", net.op("Exp", sizes), wh)
    return net.op("Mul", at, float(stride)), size


def anchored(classes=80, form="squared-sigmoid", anchors=ANCHORS, *, last=True):
    """Decoded YOLOv3, v5 or v7: ``1 x 252 x 5+C``."""
    net = Net()
    width = 5 + classes
    maps = [m for (m,) in branches(net, 3 * width)]
    rows = []
    with net.decoding():
        for level, stride in enumerate(STRIDES):
            side = SIZE // stride
            grid = net.op("Reshape", maps[level], np.array([1, 3, width, side, side]))
            grid = net.op("Transpose", grid, perm=[0, 1, 3, 4, 2])
            sizes = np.array([2, 2, 1 + classes])
            *boxes, scores = net.op("Split", grid, sizes, outputs=3, axis=4)
            chosen = anchors[3 * level : 3 * level + 3]
            xy, wh = anchor_boxes(net, *boxes, stride, chosen, form)
            row = net.op("Concat", xy, wh, net.op("Sigmoid", scores), axis=4)
            rows.append(net.op("Reshape", row, np.array([1, -1, width])))
        out = net.op("Concat", *rows, axis=1)
        out = out if last else net.op("Transpose", out, perm=[0, 2, 1])
    return net, net.model(out)


def region(classes=80, anchors=ANCHORS[:5]):
    """YOLOv2: one map, classes that share their probability, times objectness."""
    net = Net()
    width, side = 5 + classes, SIZE // STRIDES[-1]
    x = net.conv(net.features()[-1], 8, 5 * width)
    with net.decoding():
        grid = net.op("Reshape", x, np.array([1, 5, width, side, side]))
        grid = net.op("Transpose", grid, perm=[0, 1, 3, 4, 2])
        sizes = np.array([2, 2, 1, classes])
        *boxes, objectness, scores = net.op("Split", grid, sizes, outputs=4, axis=4)
        pair = anchor_boxes(net, *boxes, STRIDES[-1], anchors, "exp")
        shares = net.op("Softmax", scores, axis=4)
        scored = net.op("Mul", net.op("Sigmoid", objectness), shares)
        row = net.op("Concat", *pair, scored, axis=4)
        out = net.op("Reshape", row, np.array([1, -1, 4 + classes]))
    return net, net.model(out)


def cells(classes=20, side=7, boxes=2, *, roots=True):
    """The first YOLO: a vector of classes of cells, then confidences, then boxes."""
    net = Net()
    count = side**2 * boxes
    sizes = np.array([side**2 * classes, count, 4 * count])
    pooled = net.op("Flatten", net.op("GlobalAveragePool", net.features()[2]))
    weight = net.rng.normal(0, 1, (8, sizes.sum()))
    vector = net.op("Gemm", pooled, weight, net.rng.normal(0, 1, sizes.sum()))
    with net.decoding():
        shares, confidence, raw = net.op("Split", vector, sizes, outputs=3, axis=1)
        shares = net.op("Reshape", shares, np.array([1, side**2, 1, classes]))
        confidence = net.op("Reshape", confidence, np.array([1, side**2, boxes, 1]))
        raw = net.op("Reshape", raw, np.array([1, side**2, boxes, 4]))
        xy, wh = net.op("Split", raw, np.array([2, 2]), outputs=2, axis=3)
        y, x = np.mgrid[:side, :side].reshape(2, 1, side**2, 1).astype(np.float32)
        moved = net.op("Add", xy, np.stack([x, y], -1))
        xy = net.op("Div", moved, float(side))
        wh = net.op("Mul", wh, wh) if roots else wh
        row = net.op("Concat", xy, wh, net.op("Mul", confidence, shares), axis=3)
        out = net.op("Reshape", row, np.array([1, count, 4 + classes]))
    return net, net.model(out)


def anchored_raw(classes=80, *, reshaped=False, activated=False):
    """Raw anchor maps: ``1 x 3*(5+C) x H x W``, or ``1 x 3 x H x W x 5+C``."""
    net = Net()
    width = 5 + classes
    maps = [m for (m,) in branches(net, 3 * width)]
    outputs = []
    with net.decoding():
        for x, stride in zip(maps, STRIDES, strict=True):
            side = SIZE // stride
            if reshaped:
                grid = net.op("Reshape", x, np.array([1, 3, width, side, side]))
                x = net.op("Transpose", grid, perm=[0, 1, 3, 4, 2])  # noqa: PLW2901
            outputs.append(net.op("Sigmoid", x) if activated else x)
    return net, net.model(*outputs)


def yolox(classes=80, *, decoded=False, multiplied=False):
    """YOLOX, ``1 x 84 x 5+C``: raw grid offsets, or decoded."""
    net = Net()
    maps = branches(net, 4, 1, classes)
    with net.decoding():
        rows = []
        for box, objectness, scores in maps:
            scored = [net.op("Sigmoid", objectness), net.op("Sigmoid", scores)]
            rows.append(net.op("Concat", box, *scored, axis=1))
        out = net.op("Transpose", flat(net, rows, 5 + classes), perm=[0, 2, 1])
        if decoded:
            sizes = np.array([2, 2, 1, classes])
            xy, wh, objectness, scores = net.op("Split", out, sizes, outputs=4, axis=2)
            cells, strides = centers()
            xy = net.op("Mul", net.op("Add", xy, cells.T[None] - 0.5), strides[None, :, None])
            wh = net.op("Mul", net.op("Exp", wh), strides[None, :, None])
            rest = [net.op("Mul", objectness, scores)] if multiplied else [objectness, scores]
            out = net.op("Concat", xy, wh, *rest, axis=2)
    return net, net.model(out)


def picodet(classes=80, bins=8):
    """PicoDet: one convolution per level, scores with sigmoid and raw boxes as outputs."""
    net = Net()
    maps = [m for (m,) in branches(net, classes + 4 * bins)]
    scores, boxes = [], []
    with net.decoding():
        for x in maps:
            sizes = np.array([classes, 4 * bins])
            score, box = net.op("Split", x, sizes, outputs=2, axis=1)
            for value, width, group in (
                (net.op("Sigmoid", score), classes, scores),
                (box, 4 * bins, boxes),
            ):
                rows = net.op("Reshape", value, np.array([1, width, -1]))
                group.append(net.op("Transpose", rows, perm=[0, 2, 1]))
    return net, net.model(*scores, *boxes)


def nanodet(classes=80, bins=8):
    """NanoDet-Plus: ``1 x 84 x C+4*8``, scores with sigmoid beside raw boxes."""
    net = Net()
    maps = [m for (m,) in branches(net, classes + 4 * bins)]
    rows = []
    with net.decoding():
        for x in maps:
            sizes = np.array([classes, 4 * bins])
            score, box = net.op("Split", x, sizes, outputs=2, axis=1)
            joined = net.op("Concat", net.op("Sigmoid", score), box, axis=1)
            rows.append(net.op("Reshape", joined, np.array([1, classes + 4 * bins, -1])))
        out = net.op("Transpose", net.op("Concat", *rows, axis=2), perm=[0, 2, 1])
    return net, net.model(out)


def ssd(classes=20, *, background=True):
    """Boxes and softmax scores of 2 priors per cell: ``1 x 168 x 4`` and ``1 x 168 x C+1``."""
    net = Net()
    width = classes + 1
    boxes, scores = [], []
    maps = [(net.conv(f, 8, 8), net.conv(f, 8, 2 * width, bias=0.0)) for f in net.features()]
    with net.decoding():
        for pair in maps:
            for value, columns, group in zip(pair, (4, width), (boxes, scores), strict=True):
                last = net.op("Transpose", value, perm=[0, 2, 3, 1])
                group.append(net.op("Reshape", last, np.array([1, -1, columns])))
        raw = net.op("Concat", *boxes, axis=1)
        shares = net.op("Softmax", net.op("Concat", *scores, axis=1), axis=2)
        xy, wh = net.op("Split", raw, np.array([2, 2]), outputs=2, axis=2)
        priors = net.rng.uniform(0.1, 0.9, (1, 2 * CELLS, 2))
        middle = net.op("Add", net.op("Mul", xy, 0.02), priors)
        half = net.op("Mul", net.op("Exp", net.op("Mul", wh, 0.2)), 0.1)
        corners = [net.op("Sub", middle, half), net.op("Add", middle, half)]
        out = net.op("Concat", *corners, axis=2)
        if not background:
            shares = net.op("Slice", shares, np.array([1]), np.array([width]), np.array([2]))
    return net, net.model(out, shares)


def rtdetr(classes=80, queries=30, *, joined=False):
    """Queries with normalised boxes refined from references: RT-DETR's last layer."""
    net = Net()
    features = net.op("Reshape", net.features()[0], np.array([1, 8, -1]))
    tokens = net.op("Transpose", features, perm=[0, 2, 1])
    encoded = net.op("MatMul", tokens, net.rng.normal(0, 1, (8, classes)))
    references = net.op("Add", net.op("MatMul", tokens, net.rng.normal(0, 1, (8, 4))), np.ones(4))
    with net.decoding():
        best = net.op("ReduceMax", encoded, axes=[2], keepdims=0)
        _, chosen = net.op("TopK", best, np.array([queries]), outputs=2, axis=1)
        index = net.op("Expand", net.op("Unsqueeze", chosen, np.array([2])), np.array([1, 1, 4]))
        picked = net.op("GatherElements", references, index, axis=1)
    mixed = net.op("Relu", net.op("MatMul", net.rng.normal(0, 1, (queries, 64)), tokens))
    scores = net.op("MatMul", mixed, net.rng.normal(0, 1, (8, classes)))
    offsets = net.op("Add", net.op("MatMul", mixed, net.rng.normal(0, 1, (8, 4))), np.ones(4))
    with net.decoding():
        boxes = net.op("Sigmoid", net.op("Add", offsets, picked))
        scored = net.op("Sigmoid", scores)
        outputs = [net.op("Concat", boxes, scored, axis=2)] if joined else [boxes, scored]
    return net, net.model(*outputs)


def end_to_end(classes=80, picks=30, *, split=False):
    """NMS-free YOLOv10: the best ``picks`` of all classes, ``1 x picks x 6`` or three outputs."""
    net = Net()
    maps = branches(net, 64, classes)
    with net.decoding():
        raw = flat(net, [m[0] for m in maps], 64)
        boxes = net.op("Transpose", distance_boxes(net, raw, 16, form="xyxy"), perm=[0, 2, 1])
        scores = sigmoid(net, flat(net, [m[1] for m in maps], classes))
        every = net.op("Flatten", net.op("Transpose", scores, perm=[0, 2, 1]))
        best, index = net.op("TopK", every, np.array([picks]), outputs=2, axis=1)
        label = net.op("Cast", net.op("Mod", index, np.array([classes])), to=1)
        row = net.op("Unsqueeze", net.op("Div", index, np.array([classes])), np.array([2]))
        picked = net.op("GatherElements", boxes, net.op("Tile", row, np.array([1, 1, 4])), axis=1)
        if split:
            return net, net.model(picked, best, label)
        columns = [net.op("Unsqueeze", v, np.array([2])) for v in (best, label)]
        return net, net.model(net.op("Concat", picked, *columns, axis=2))


def with_nms(classes=80, spelling="rows"):
    """YOLOv8 with NonMaxSuppression inside: ``N x 7`` rows, outputs apart, or bare indices."""
    net = Net()
    maps = branches(net, 64, classes)
    with net.decoding():
        raw = flat(net, [m[0] for m in maps], 64)
        boxes = net.op("Transpose", distance_boxes(net, raw, 16, form="xyxy"), perm=[0, 2, 1])
        scores = sigmoid(net, flat(net, [m[1] for m in maps], classes))
        limits = (np.array([100]), np.float32([0.5]), np.float32([0.25]))
        picked = net.op("NonMaxSuppression", boxes, scores, *limits)
        if spelling == "indices":
            return net, net.model(picked, boxes, scores)
        batch, label, box = net.op("Split", picked, np.array([1, 1, 1]), outputs=3, axis=1)
        xyxy = net.op(
            "Gather", net.op("Squeeze", boxes, np.array([0])), net.op("Squeeze", box, np.array([1]))
        )
        score = net.op("Unsqueeze", net.op("GatherND", scores, picked), np.array([1]))
        label = net.op("Cast", label, to=1)
        if spelling == "rows":
            rows = [net.op("Cast", batch, to=1), xyxy, label, score]
            return net, net.model(net.op("Concat", *rows, axis=1))
        apart = [net.op("Unsqueeze", v, np.array([0])) for v in (xyxy, score, label)]
        count = net.op("Slice", net.op("Shape", picked), np.array([0]), np.array([1]))
        return net, net.model(count, *apart)


def segmentation(classes=80):
    """YOLOv8 with mask coefficients beside the boxes, and a map of prototypes."""
    net = Net()
    features = net.features()
    maps = [[net.conv(f, 8, c) for c in (64, classes, 32)] for f in features]
    wide = net.op("Resize", features[0], "", np.float32([1, 1, 2, 2]))
    prototypes = net.conv(wide, 8, 32)
    with net.decoding():
        boxes = distance_boxes(net, flat(net, [m[0] for m in maps], 64), 16)
        scores = sigmoid(net, flat(net, [m[1] for m in maps], classes))
        out = net.op("Concat", boxes, scores, flat(net, [m[2] for m in maps], 32), axis=1)
        masks = net.op("Relu", prototypes)
    return net, net.model(out, masks)


def with_extra(extra, classes=1):
    """YOLOv8 with a third branch decoded beside the boxes: keypoints, or an angle."""
    net = Net()
    maps = branches(net, 64, classes, extra)
    with net.decoding():
        boxes = distance_boxes(net, flat(net, [m[0] for m in maps], 64), 16)
        scores = sigmoid(net, flat(net, [m[1] for m in maps], classes))
        third = flat(net, [m[2] for m in maps], extra)
        moved = net.op("Mul", net.op("Sub", net.op("Sigmoid", third), 0.25), np.pi)
        if extra == 1:
            boxes = net.op("Mul", boxes, net.op("Cos", moved))
        out = net.op("Concat", boxes, scores, moved, axis=1)
    return net, net.model(out)


def classifier(classes=10):
    """An image classification network."""
    net = Net()
    pooled = net.op("Flatten", net.op("GlobalAveragePool", net.features()[2]))
    scores = net.op("MatMul", pooled, net.rng.normal(0, 1, (8, classes)))
    with net.decoding():
        out = net.op("Softmax", scores, axis=1)
    return net, net.model(out)
