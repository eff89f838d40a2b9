"""A stand-in for trtexec: the flags each version takes, its banner and its files, without a GPU.

Usage: python stand_in_trtexec.py VERSION [trtexec's arguments]

Flags are those of trtexec itself, read independently of edgekit's table: 8.5 from its own --help
(v8503), 8.6 from sampleOptions.cpp of 8.6, 10.3 from --help of 10.5, 10.13 and 10.16 from
sampleOptions.cpp of a late 10.x, 11.4 from that of 11.x (NVIDIA/TensorRT). Formats are those of
sampleReporting.cpp, sampleDevice.cpp and logger.cpp. Which release stopped writing warm-up runs to
--exportTimes is not known: 8.5 writes them here. Other errors than two have words of their own.

An "engine" is JSON: the version, the arguments it was built with and the start of the model.
"""

# ruff: noqa: T201, PTH123  (it prints as the program does, and starts often: no pathlib)

import json
import os
import sys

EVERYWHERE = """
onnx minShapes optShapes maxShapes inputIOFormats outputIOFormats memPoolSize profilingVerbosity
avgTiming refit sparsity noTF32 directIO safe consistency saveEngine loadEngine tacticSources
noBuilderCache timingCacheFile preview shapes loadInputs iterations warmUp duration sleepTime
idleTime streams exposeDMA noDataTransfers useManagedMemory useSpinWait threads useCudaGraph
timeDeserialize timeRefit separateProfileRun persistentCacheRatio verbose avgRuns percentile
dumpRefit dumpOutput dumpProfile dumpLayerInfo exportTimes exportOutput exportProfile
exportLayerInfo device useDLACore allowGPUFallback plugins
"""
UNTIL_10 = """
fp16 int8 best precisionConstraints layerPrecisions layerOutputTypes calib restricted
minShapesCalib optShapesCalib maxShapesCalib
"""
IN_8 = """
uff model deploy output uffInput uffNHWC maxBatch batch workspace minTiming heuristic buildOnly
explicitBatch explicitPrecision nvtxMode
"""
FROM_8_6 = """
versionCompatible vc excludeLeanRuntime layerDeviceTypes buildDLAStandalone skipInference
builderOptimizationLevel hardwareCompatibilityLevel maxAuxStreams tempdir tempfileControls
useRuntime leanDLLPath infStreams staticPlugins setPluginsToSerialize dynamicPlugins
ignoreParsedPluginLibs
"""
FROM_10 = """
pluginInstanceNorm pi stripWeights stripAllWeights stronglyTyped getPlanVersionOnly
noCompilationCache errorOnTimingCacheMiss maxTactics runtimePlatform profile allowWeightStreaming
weightStreamingBudget markDebug useProfile allocationStrategy saveDebugTensors
dumpOptimizationProfile
"""
LATE_10 = """
distributiveIndependence monitorMemory tilingOptimizationLevel l2LimitForTiling asyncFileReader
refitFromOnnx saveAllDebugTensors markUnfusedTensorsAsDebugTensors decomposableAttentions
remoteAutoTuningConfig uint8AsymmetricQuantizationDLA
"""
IN_11 = """
includeDataTransfers noSpinWait noCudaGraph reportCapabilityDLA adjustForDLA setBuildRoute
loadRefOutputs accuracyAlgorithm tuningCacheFile saveAllEngines cpuOnly
"""
IN_10 = "bf16 int4 fp8 weightless calibProfile"
FLAGS = {
    "8.5": (EVERYWHERE, UNTIL_10, IN_8),
    "8.6": (EVERYWHERE, UNTIL_10, IN_8, FROM_8_6, "fp8"),
    "10.3": (EVERYWHERE, UNTIL_10, FROM_8_6, FROM_10, IN_10),
    "10.13": (EVERYWHERE, UNTIL_10, FROM_8_6, FROM_10, IN_10, LATE_10),
    "10.16": (EVERYWHERE, UNTIL_10, FROM_8_6, FROM_10, IN_10, LATE_10),
    "11.4": (EVERYWHERE, FROM_8_6, FROM_10, LATE_10, IN_11),
}
BANNERS = {
    "8.5": "[TensorRT v8502]",
    "8.6": "[TensorRT v8602]",
    "10.3": "[TensorRT v100300] [b26]",
    "10.13": "[TensorRT v101303] [b9]",
    "10.16": "[TensorRT v101602] [b10]",
    "11.4": "[TensorRT v110401] [b12]",
}
WITH_DLA = {"8.5", "8.6", "10.3", "11.4"}
DEVICE = {"name": "stand-in", "cc": "8.7", "sms": 8, "mib": 7620}
MILLISECONDS = {"Int8": 2.0, "Half": 3.0, "Float": 6.0}
SENTENCES = {
    "Int8": "Thirty-two wide channel vectorized row major Int8 format",
    "Half": "Two wide channel vectorized row major FP16 format",
    "Float": "Row major linear FP32",
}
WARM_UPS = 5
# Both as published: onnxruntime issue 13381, jetson_dla_tutorial issue 3.
NO_INT8 = (
    "Error Code 4: Internal Error (Int8 precision has been set for a layer or layer output, but "
    "int8 is not configured in the builder)"
)
FALLBACK = "Unsupported on DLA. Switching this layer's device type to GPU."


class TrtexecError(Exception):
    pass


def say(level, text):
    print(f"[11/22/2026-12:00:00] [{level}] {text}", flush=True)


class StandIn:
    def __init__(self, release, words):
        self.release = release
        self.major = int(release.split(".")[0])
        self.flags = dict(word[2:].partition("=")[::2] for word in words)

    def has(self, *names):
        return any(name in self.flags for name in names)

    def main(self):
        line = f"TensorRT.trtexec {BANNERS[self.release]} # trtexec {' '.join(sys.argv[2:])}"
        print(f"&&&& RUNNING {line}", flush=True)
        try:
            if not self.has("help"):
                self.check_flags()
                self.warn()
                self.introduce()
                engine = self.load() if self.has("loadEngine") else self.build()
                if not self.has("buildOnly", "skipInference"):
                    self.infer(engine)
        except TrtexecError as failure:
            say("E", failure)
            print(f"&&&& FAILED {line}")
            return 1
        print(f"&&&& PASSED {line}")
        return 0

    def check_flags(self):
        known = set(" ".join(FLAGS[self.release]).split())
        unknown = [name for name in self.flags if name not in known]
        for name in unknown[:-1]:
            say("E", f"Unknown option: --{name} {self.flags[name]}")
        if unknown:
            raise TrtexecError(f"Unknown option: --{unknown[-1]} {self.flags[unknown[-1]]}")
        if not self.has("onnx", "loadEngine"):
            raise TrtexecError("Model missing or format not recognized")

    def warn(self):
        if self.major == 11:
            for name in ("useCudaGraph", "useSpinWait", "noDataTransfers", "separateProfileRun"):
                if self.has(name):
                    say("W", f"--{name} is deprecated.")
        if self.has("stronglyTyped") and self.has("fp16", "int8"):
            say("W", "Invalid usage, setting fp16 mode is not allowed if graph is strongly typed.")
        if self.release in {"10.13", "10.16"} and self.has("fp16", "int8", "best"):
            say("W", "Weakly-typed networks have been deprecated in TensorRT.")

    def introduce(self):
        say("I", "=== Device Information ===")
        if os.environ.get("STAND_IN_NO_GPU"):
            print("Cuda failure: no CUDA-capable device is detected")
            raise SystemExit(1)
        say("I", f"Selected Device: {DEVICE['name']}")
        say("I", f"Compute Capability: {DEVICE['cc']}")
        say("I", f"SMs: {DEVICE['sms']}")
        say("I", f"Device Global Memory: {DEVICE['mib']} MiB")
        if self.has("useDLACore") and self.release not in WITH_DLA:
            raise TrtexecError("Cannot create DLA engine, 0 not available")

    def build(self):
        with open(self.flags["onnx"], "rb") as file:
            model = file.read()
        if os.environ.get("STAND_IN_PARSES"):
            self.parse(model)
        quantized = b"QuantizeLinear" in model
        strong = self.major == 11 or self.has("stronglyTyped")
        if quantized and not strong and not self.has("int8"):
            raise TrtexecError(NO_INT8)
        if self.has("useDLACore"):
            say("W", f"[TRT] Layer '/decode/Mul' (ELEMENTWISE): {FALLBACK}")
        if strong:
            widest = "Half" if b"FLOAT16" in model else "Float"
        else:
            widest = "Half" if self.has("fp16") else "Float"
        engine = {
            "release": self.release,
            "arguments": sorted(self.flags),
            "model": model[:80].decode("latin-1"),
            "types": ["Int8", widest] if quantized else [widest],
            "verbose": self.flags.get("profilingVerbosity") == "detailed",
        }
        if os.environ.get("STAND_IN_FULL_DISK"):
            raise TrtexecError(f"{self.flags['saveEngine']}: No space left on device")
        if self.has("saveEngine"):
            write(self.flags["saveEngine"], engine)
        if self.has("timingCacheFile"):
            write(self.flags["timingCacheFile"], {"release": self.release})
        return engine

    def parse(self, model):
        from stand_in_parser import refusals  # needs onnx, which is slow to start

        found = refusals(model, self.release)
        for reason in found:
            say("E", f"[TRT] ModelImporter.cpp: {reason}")
        if found:
            raise TrtexecError("Failed to parse onnx file")

    def load(self):
        try:
            with open(self.flags["loadEngine"], encoding="utf-8") as file:
                engine = json.load(file)
        except FileNotFoundError:
            raise TrtexecError(f"Error opening engine file: {self.flags['loadEngine']}") from None
        if engine["release"] != self.release:
            raise TrtexecError(
                "The engine plan file is not compatible with this version of TensorRT"
            )
        return engine

    def infer(self, engine):
        fastest = engine["types"][0]
        copies = self.has("includeDataTransfers") or (
            self.major < 11 and not self.has("noDataTransfers")
        )
        if self.has("exportLayerInfo"):
            write(self.flags["exportLayerInfo"], {"Layers": self.layers(engine), "Bindings": []})
        if self.has("exportProfile"):
            write(self.flags["exportProfile"], profile(engine))
        if self.has("exportOutput"):
            self.outputs(copies)
        runs = max(int(self.flags.get("iterations", 10)), 10)
        compute = [MILLISECONDS[fastest] * (1 + number % 10 / 100) for number in range(runs)]
        copied = 0.25 if copies else 0.0
        say("I", f"Timing trace has {runs} queries over 3.00 s")
        say("I", "=== Performance summary ===")
        say("I", f"Throughput: {1e3 * runs / sum(compute):g} qps")
        latency = [ms + 2 * copied for ms in compute]
        for name, times in (("Latency", latency), ("GPU Compute Time", compute)):
            say("I", f"{name}: {figures(times)}")
        if self.has("exportTimes"):
            warm = [50.0] * WARM_UPS if self.release == "8.5" else []
            write(self.flags["exportTimes"], [run(ms, copied) for ms in warm + compute])

    def outputs(self, copies):
        path = self.flags["loadInputs"].partition(":")[2]
        with open(path, "rb") as file:
            values = [float(byte) for byte in file.read()[:6]]
        values = values if copies else [0.0] * 6
        write(self.flags["exportOutput"], [out("output0", "1x2x3", values)])

    def layers(self, engine):
        if not engine["verbose"]:
            return ["conv", "head"]
        described = [convolution(f"conv{i}", kind) for i, kind in enumerate(engine["types"])]
        if len(engine["types"]) > 1:
            described.insert(1, reformat("Int8", engine["types"][1]))
        if self.major == 8:
            for layer in described:
                for tensor in layer["Inputs"] + layer["Outputs"]:
                    tensor["Format/Datatype"] = SENTENCES[tensor["Format/Datatype"]]
        return described


def tensor(kind):
    return [{"Name": "x", "Dimensions": [1, 16, 8, 8], "Format/Datatype": kind}]


def convolution(name, kind):
    return {
        "Name": name,
        "LayerType": "CaskConvolution",
        "Inputs": tensor(kind),
        "Outputs": tensor(kind),
        "ParameterType": "Convolution",
        "Weights": {"Type": kind, "Count": 2304},
    }


def reformat(before, after):
    name = "Reformatting CopyNode for Input Tensor 0 to conv1"
    return {
        "Name": name,
        "LayerType": "Reformat",
        "Inputs": tensor(before),
        "Outputs": tensor(after),
    }


def profile(engine):
    layers = [("conv0", 1.5), ("Reformatting CopyNode for Input Tensor 0 to conv1", 0.25)]
    if len(engine["types"]) > 1:
        layers.append(("conv1", 0.75))
    named = [{"name": name, "timeMs": 100 * ms, "averageMs": ms} for name, ms in layers]
    return [{"count": 100}, *named]


def figures(times):
    ordered = sorted(times)
    picked = {p: ordered[int(p / 100 * (len(ordered) - 1))] for p in (50, 90, 99)}
    percents = ", ".join(f"percentile({p}%) = {ms:g} ms" for p, ms in picked.items())
    return (
        f"min = {ordered[0]:g} ms, max = {ordered[-1]:g} ms, "
        f"mean = {sum(times) / len(times):g} ms, median = {picked[50]:g} ms, {percents}"
    )


def run(compute, copied):
    return {
        "startComputeMs": 0.0,
        "endComputeMs": compute,
        "h2dMs": copied,
        "computeMs": compute,
        "d2hMs": copied,
        "latencyMs": compute + 2 * copied,
    }


def out(name, dimensions, values):
    return {"name": name, "dimensions": dimensions, "values": values}


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)


if __name__ == "__main__":
    sys.exit(StandIn(sys.argv[1], sys.argv[2:]).main())
