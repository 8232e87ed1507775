"""Every way of giving rows gives the same result, and what is no rows is refused with its place."""

import ctypes
import warnings

import numpy as np
import pytest

import pauca


class Tensor:
    """A tensor of another library's, by DLPack."""

    def __init__(self, array, device=(1, 0)):
        self.array, self.device = array, device

    def __dlpack__(self, **how):
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self):
        return self.device


class OfCuda(Tensor):
    """A tensor that says it lies on a CUDA device."""

    def __init__(self, array):
        super().__init__(array, device=(2, 0))
        self.asked = []

    def __dlpack__(self, stream=None, **how):
        self.asked.append(stream)
        return self.array.__dlpack__(**how)


class OldTensor(Tensor):
    """One that was written before DLPack 1.0."""

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()


class Interface:
    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


@pytest.fixture(scope="module")
def same(blobs):
    expected = pauca.kmeans(blobs, 6, seed=1).to_bytes()

    def check(x):
        assert pauca.kmeans(x, 6, seed=1).to_bytes() == expected

    return check


def test_numpy_in_any_layout(blobs, same):
    wide = np.zeros((600, 16), np.float32)
    wide[:, ::2] = blobs
    shifted = np.frombuffer(b"x" + blobs.tobytes(), np.uint8)[1:].view(np.float32).reshape(600, 8)
    assert not shifted.flags.aligned
    for x in (
        blobs,
        np.asfortranarray(blobs),
        wide[:, ::2],
        np.ascontiguousarray(blobs[::-1])[::-1],
        np.ascontiguousarray(blobs[:, ::-1])[:, ::-1],
        blobs.astype(">f4"),
        shifted,
        blobs.view(np.recarray),
        np.ma.masked_array(blobs),
    ):
        same(x)
    read_only = blobs.copy()
    read_only.flags.writeable = False
    same(read_only)
    with pytest.warns(pauca.RoundedWarning):
        same(blobs.tolist())
    repeated = np.broadcast_to(blobs[:1], (600, 8))
    assert pauca.kmeans(repeated, 1).centroids.tolist() == blobs[:1].tolist()


def test_rows_are_not_copied(blobs):
    for x in (blobs, Tensor(blobs), Interface(blobs)):
        rows = pauca.Rows(x)
        assert rows._view.data == blobs.ctypes.data


def test_dlpack_and_the_array_interface(blobs, same):
    same(Tensor(blobs))
    same(Tensor(np.asfortranarray(blobs)))
    same(OldTensor(blobs))
    same(Interface(blobs))
    with pytest.raises(pauca.InputError, match="device") as caught:
        pauca.Rows(Tensor(blobs, device=(4, 0)))
    assert caught.value.name == "UnsupportedDevice"
    # The library copies on the default stream, which the tensor is told of. NumPy's capsule says that it is the host's.
    tensor = OfCuda(blobs)
    same(tensor)
    assert set(tensor.asked) == {1}


def test_a_tensor_lives_as_long_as_it_is_read(blobs):
    import gc

    rows = pauca.Rows(Tensor(blobs.copy()))
    gc.collect()
    assert (rows.to_numpy() == blobs).all()


def test_narrow_types(blobs):
    half = blobs.astype(np.float16)
    assert pauca.kmeans(half, 6, seed=1).to_bytes() == pauca.kmeans(half.astype(np.float32), 6, seed=1).to_bytes()
    small = np.clip(blobs * 8, -127, 127).astype(np.int8)
    assert pauca.kmeans(small, 6, seed=1).to_bytes() == pauca.kmeans(small.astype(np.float32), 6, seed=1).to_bytes()


def test_bfloat16(blobs):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    brain = blobs.astype(ml_dtypes.bfloat16)
    assert pauca.kmeans(brain, 6, seed=1).to_bytes() == pauca.kmeans(brain.astype(np.float32), 6, seed=1).to_bytes()


def test_f64_is_rounded_and_said(blobs, same):
    with pytest.warns(pauca.RoundedWarning) as heard:
        same(blobs.astype(np.float64))
    assert len(heard) == 1 and heard[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(pauca.Rows(blobs.astype(np.float64), rounded=True))
        same(blobs)
    with pytest.warns(pauca.RoundedWarning):
        same(Tensor(blobs.astype(np.float64)))


def test_sources(blobs, same):
    parts = [blobs[:1], blobs[1:400], pauca.Rows(blobs[400:])]
    same(pauca.Rows.shards(parts))
    same(pauca.Rows.computed(600, 8, lambda first, count: blobs[first : first + count], block_rows=77))
    backwards = pauca.Rows(np.ascontiguousarray(blobs[::-1]))
    assert (backwards.subset(np.arange(600)[::-1]).to_numpy() == blobs).all()
    assert (pauca.Rows.shards(parts).to_numpy(399, 3) == blobs[399:402]).all()


def test_a_failing_reader_is_the_cause(blobs):
    def read(first, count):
        if first >= 300:
            raise KeyError("row 300")
        return blobs[first : first + count]

    with pytest.raises(pauca.SourceError) as caught:
        pauca.kmeans(pauca.Rows.computed(600, 8, read, block_rows=100), 3)
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(pauca.SourceError) as caught:
        pauca.kmeans(pauca.Rows.computed(600, 8, lambda first, count: blobs[:1]), 3)
    assert "shape (1, 8)" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "x, text",
    [
        (np.zeros(3, np.float32), "two dimensions"),
        (np.zeros((2, 2, 2), np.float32), "two dimensions"),
        (np.zeros((2, 2), np.complex64), "real numbers"),
        ([["a"]], "real numbers"),
        ([[1.0], [1.0, 2.0]], None),
        (np.zeros((0, 4), np.float32), None),
        (np.zeros((4, 0), np.float32), None),
        (np.array([[1, 2], None], object), "row 1"),
        (np.array([[1, 2], [1, 2, 3]], object), "row 1"),
    ],
)
def test_what_is_no_rows(x, text):
    with pytest.raises(ValueError, match=text):
        pauca.kmeans(x, 1)


def test_errors_name_the_place(blobs):
    x = blobs.copy()
    x[17, 3] = np.inf
    with pytest.raises(pauca.InputError) as caught:
        pauca.kmeans(x, 2)
    error = caught.value
    assert (error.name, error.code, error.row, error.column) == ("NonFinite", 1, 17, 3)
    assert "17" in str(error) and "3" in str(error)
    with pytest.raises(pauca.InputError) as caught:
        pauca.kmeans(pauca.Rows.shards([blobs, x]), 2)
    assert caught.value.row == 617
    with pytest.raises(pauca.InputError) as caught:
        pauca.kmeans(blobs[:3], 4)
    assert caught.value.name == "TooManyClusters" and caught.value.detail == (4, 3)
    with pytest.raises(pauca.InputError) as caught:
        pauca.Clusters.from_parts(blobs[:2], [0, 5])
    assert caught.value.row == 1 and caught.value.column is None
    import pickle

    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.row) == (type(error), str(error), 17)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: pauca.kmeans(x, 0),
        lambda x: pauca.kmeans(x, -1),
        lambda x: pauca.kmeans(x, 2, init="best"),
        lambda x: pauca.kmeans(x, 2, init=np.zeros((3, 8))),
        lambda x: pauca.kmeans(x, 2, weights=np.ones(3)),
        lambda x: pauca.kmeans(x, 2, weights=-np.ones(600)),
        lambda x: pauca.kmeans(x, 2, tolerance=float("nan")),
        lambda x: pauca.kmeans(x, 2, seed=2**64),
        lambda x: pauca.kmeans(x, 2, threads=-1),
        lambda x: pauca.semdedup(x, 2, epsilon=3),
        lambda x: pauca.semdedup(x, 2, order="best"),
        lambda x: pauca.semdedup(x, 2, order=np.ones(3)),
        lambda x: pauca.semdedup(x[:9], pauca.kmeans(x, 2)),
        lambda x: pauca.d4(x, keep_fraction=0.9),
        lambda x: pauca.d4(x, clusters=0),
        lambda x: pauca.prototypes(pauca.kmeans(x, 2), keep_fraction=1.5),
        lambda x: pauca.prototypes(pauca.Clusters.from_parts(x[:1], [0])),
        lambda x: pauca.Clusters.from_parts(x[:2], [-1]),
        lambda x: pauca.Clusters.from_parts(x[:2], [0.5]),
        lambda x: pauca.kmeans(x, 2).predict(x[:, :3]),
        lambda x: pauca.exact.Sums(2, 8).add(x, np.zeros(3)),
        lambda x: pauca.exact.cosine([1], [1, 2]),
    ],
)
def test_bad_arguments_are_value_errors(blobs, call):
    with pytest.raises(ValueError) as caught:
        call(blobs)
    assert str(caught.value)


def test_other_types_are_type_errors(blobs):
    with pytest.raises(TypeError, match="n_clusters"):
        pauca.kmeans(blobs, 2.0)
    with pytest.raises(TypeError, match="progress"):
        pauca.kmeans(blobs, 2, progress=3)
    with pytest.raises(TypeError):
        pauca.Rows(pauca.Rows(blobs))


def brain_capsule(array):
    """A legacy capsule of bfloat16, which NumPy cannot make."""

    class Tensor16(ctypes.Structure):
        _fields_ = [
            ("data", ctypes.c_void_p),
            ("device", ctypes.c_int32 * 2),
            ("ndim", ctypes.c_int32),
            ("code", ctypes.c_uint8),
            ("bits", ctypes.c_uint8),
            ("lanes", ctypes.c_uint16),
            ("shape", ctypes.c_void_p),
            ("strides", ctypes.c_void_p),
            ("byte_offset", ctypes.c_uint64),
            ("manager", ctypes.c_void_p),
            ("deleter", ctypes.c_void_p),
        ]

    shape = (ctypes.c_int64 * 2)(*array.shape)
    made = Tensor16(array.ctypes.data, (1, 0), 2, 4, 16, 1, ctypes.addressof(shape), None, 0, None, None)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return new(ctypes.addressof(made), b"dltensor", None), (made, shape, array)


def test_bfloat16_by_dlpack(blobs):
    bits = (blobs.view(np.uint32) >> 16).astype(np.uint16)
    whole = (bits.astype(np.uint32) << 16).view(np.float32)
    capsule, kept = brain_capsule(bits)

    class Brain:
        def __dlpack__(self, **how):
            return capsule

        def __dlpack_device__(self):
            return 1, 0

    assert pauca.kmeans(Brain(), 6, seed=1).to_bytes() == pauca.kmeans(whole, 6, seed=1).to_bytes()
    assert kept
