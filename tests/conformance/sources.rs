//! Raw rows and shards: the bits of the rows in memory, and errors that name what is wrong.

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use half::{bf16, f16};
use ndarray::Array2;
use pauca::{
    Blocked, Context, Control, Cpu, D4, ElementType, Error, Exec, Init, IntoRows, KMeans, RawRows, ReadAt,
    Result, RowElement, RowSource, Rows, Rule, Scratch, SemDedup, Shards, SourceError,
};
use pauca_tests::agree::{assert_same, assert_same_dedup};
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;

use pauca_tests::conformance::d4::assert_same_curated;

/// A file of its own, removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("pauca-sources-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's own temporary folder.
        let _ = std::fs::remove_file(&self.0);
    }
}

trait Value: RowElement + Copy {
    const TYPE: ElementType;
    fn of(value: f32) -> Self;
    fn bytes(self) -> Vec<u8>;
}

macro_rules! value {
    ($type:ty, $variant:ident, $of:expr) => {
        impl Value for $type {
            const TYPE: ElementType = ElementType::$variant;
            fn of(value: f32) -> Self {
                ($of)(value)
            }
            fn bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }
    };
}
value!(f32, F32, |v| v);
value!(f16, F16, f16::from_f32);
value!(bf16, Bf16, bf16::from_f32);

const N: usize = 150;
const D: usize = 5;

/// Rows with copies and near-copies.
fn data<T: Value>() -> Array2<T> {
    let mut rows = Kind::Normal.rows(N, D, &mut Rng(11));
    for i in 0..20 {
        rows[3 * i + 70] = rows[i].clone();
        rows[3 * i + 71] = rows[i].iter().map(|v| v * 1.01 + 0.003).collect();
    }
    array(&rows).mapv(T::of)
}

fn bytes<T: Value>(x: &Array2<T>) -> Vec<u8> {
    x.iter().flat_map(|v| v.bytes()).collect()
}

/// The bits of rows, widened.
fn bits(rows: &Rows) -> Vec<Vec<u64>> {
    let mut row = vec![0.0; rows.dim()];
    let read = |i| {
        rows.read_row(i, &mut row).unwrap();
        row.iter().map(|v| v.to_bits()).collect()
    };
    (0..rows.n_rows()).map(read).collect()
}

/// Every answer of `source` is that of `x` in memory.
fn assert_same_answers(source: &impl RowSource, x: &Rows, threads: usize) {
    let cpu = Cpu::new().unwrap();
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads).unwrap() };
    let cx = Context::new(exec, Control::new());
    let (mut a, mut b) = (Scratch::new(), Scratch::new());
    let n = x.n_rows();
    assert_eq!((source.n_rows(), source.dim()), (n, x.dim()));
    for start in [0, 1, 16, 17, n / 2, n - 1, n] {
        for end in [start, start + 1, start + 16, n] {
            if end < start || end > n {
                continue;
            }
            let found = source.read(start..end, &mut a).unwrap();
            assert_eq!(bits(&found), bits(&x.slice(start..end).unwrap()), "rows {start}..{end}");
            assert_eq!(ElementType::of(&found), ElementType::of(x));
        }
    }
    let mut rng = Rng(5);
    for count in [0, 1, 2, 50, 3 * n] {
        let wanted: Vec<usize> = (0..count).map(|_| rng.below(n)).collect();
        let found = source.gather(&wanted, &mut a).unwrap();
        assert_eq!(bits(&found), bits(&x.gather(&wanted, &mut b).unwrap()), "{wanted:?}");
        assert_eq!(ElementType::of(&found), ElementType::of(x));
    }
    for init in [Init::Random, Init::KMeansPlusPlus] {
        let config = KMeans::new(6).seed(3).init(init);
        let found = config.fit_on(&cpu, source, None, &cx).unwrap();
        assert_same(&found, &config.fit_on(&cpu, x, None, &cx).unwrap());
    }
    let clusters = KMeans::new(3).spherical(true).fit_on(&cpu, x, None, &cx).unwrap();
    for rule in Rule::ALL {
        let config = SemDedup::new(rule).epsilon(0.01);
        let found = config.fit_on(&cpu, source, &clusters, &cx).unwrap();
        assert_same_dedup(&found, &config.fit_on(&cpu, x, &clusters, &cx).unwrap());
    }
    let config = D4::new().clusters(4).seed(9);
    let found = config.fit_on(&cpu, source, &cx).unwrap();
    assert_same_curated(&found, &config.fit_on(&cpu, x, &cx).unwrap());
}

/// `n` rows in parts that end where `ends` says.
fn parts(ends: &[usize]) -> Vec<Range<usize>> {
    let mut start = 0;
    ends.iter().map(|&end| std::mem::replace(&mut start, end)..end).collect()
}

/// One row, no rows, a whole block, the rest.
const SPLITS: [&[usize]; 5] =
    [&[N], &[0, 0, 1, N], &[1, 17, 17, 33, 34, N, N], &[16, 32, 48, N], &[N - 1, N]];

fn raw_and_shards_equal_memory<T: Value>() {
    let x = data::<T>();
    let rows = T::rows(x.view());
    let all = bytes(&x);
    let row = D * T::TYPE.size();
    let raw = RawRows::new(&all[..], .., T::TYPE, N, D).unwrap();
    assert_same_answers(&raw, &rows, 1);
    assert_same_answers(&raw.clone().block_rows(7).unwrap(), &rows, 2);

    // In a file, behind a header and before something else.
    let file = Temporary::new(&[b"odd", &all[..], b"tail"].concat());
    let range = 3..3 + all.len() as u64;
    let raw = RawRows::new(file.open(), range, T::TYPE, N, D).unwrap().block_rows(16).unwrap();
    assert_same_answers(&raw, &rows, 2);

    for (i, ends) in SPLITS.into_iter().enumerate() {
        let memory: Vec<_> = parts(ends).into_iter().map(|part| rows.slice(part).unwrap()).collect();
        assert_same_answers(&Shards::new(memory.clone()).unwrap(), &rows, 1);
        let blocked = memory.iter().map(|part| Blocked::new(*part, 16).unwrap()).collect();
        assert_same_answers(&Shards::new(blocked).unwrap(), &rows, 1);
        // Ids of one's own that are those of the positions change nothing.
        let shard = |part: Range<usize>| {
            let file = Temporary::new(&all[part.start * row..part.end * row]);
            let raw = RawRows::new(file.open(), .., T::TYPE, part.len(), D).unwrap();
            let raw = raw.block_rows(16).unwrap().first_id(part.start as u64).unwrap();
            (raw, file)
        };
        let (shards, _files): (Vec<_>, Vec<_>) = parts(ends).into_iter().map(shard).unzip();
        let shards = Shards::new(shards).unwrap();
        assert_eq!(shards.block_rows(), 16);
        assert_same_answers(&shards.own_ids(i % 2 == 0), &rows, 1 + i % 2);
    }
    // Kinds mixed, and shards of shards.
    let (head, tail) = (rows.slice(0..40).unwrap(), rows.slice(40..N).unwrap());
    let tail = Shards::new(vec![tail.slice(0..3).unwrap(), tail.slice(3..N - 40).unwrap()]).unwrap();
    let mixed: Vec<&dyn RowSource> = vec![&head, &tail];
    assert_same_answers(&Shards::new(mixed).unwrap(), &rows, 1);
}

#[test]
fn raw_rows_and_shards_equal_memory_f32() {
    raw_and_shards_equal_memory::<f32>();
}

#[test]
fn raw_rows_and_shards_equal_memory_f16() {
    raw_and_shards_equal_memory::<f16>();
}

#[test]
fn raw_rows_and_shards_equal_memory_bf16() {
    raw_and_shards_equal_memory::<bf16>();
}

/// A part of a set draws what the whole draws for these rows, by its own ids only.
#[test]
fn ids_are_positions_or_the_shards_own() {
    let x = data::<f32>();
    let all = bytes(&x);
    let raw = |rows: Range<usize>, id| {
        let part = (4 * D * rows.start) as u64..(4 * D * rows.end) as u64;
        RawRows::new(&all[..], part, ElementType::F32, rows.len(), D).unwrap().first_id(id).unwrap()
    };
    let shards = Shards::new(vec![raw(3..5, 3), raw(9..9, 50), raw(9..12, 1 << 40)]).unwrap();
    let ids = |source: &dyn RowSource| (0..7).map(|i| source.row_id(i)).collect::<Vec<_>>();
    assert_eq!(ids(&shards)[..5], [0, 1, 2, 3, 4]);
    let own = shards.own_ids(true);
    assert_eq!(ids(&own), [3, 4, 1 << 40, (1 << 40) + 1, (1 << 40) + 2, u64::MAX, u64::MAX]);
    assert!(raw(0..2, 0).first_id(u64::MAX - 2).is_ok());
    assert!(matches!(
        raw(0..2, 0).first_id(u64::MAX - 1),
        Err(Error::InvalidParameter { name: "first_id", .. })
    ));

    // Random seeds are the rows of the smallest draws: those of a part under the whole's ids are not
    // those under its own positions, else ids would not matter here.
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    let config = KMeans::new(5).seed(1).init(Init::Random).max_iter(0);
    let part = Shards::new(vec![raw(60..100, 60), raw(100..N, 100)]).unwrap();
    let subset = pauca::Subset::new(&x_rows(&x), (60..N).collect())
        .map(|s| config.fit_on(&cpu, &s, None, &cx).unwrap());
    let by_position = config.fit_on(&cpu, &part, None, &cx).unwrap();
    let by_id = config.fit_on(&cpu, &part.own_ids(true), None, &cx).unwrap();
    assert_same(&by_id, &subset.unwrap());
    assert_ne!(by_id.centroids, by_position.centroids);
}

fn x_rows(x: &Array2<f32>) -> Rows<'_> {
    Rows::F32(x.view())
}

fn mismatch<T>(result: Result<T>) -> (&'static str, usize, usize) {
    match result.map(|_| ()).unwrap_err() {
        Error::ShapeMismatch { what, expected, found } => (what, expected, found),
        other => panic!("{other}"),
    }
}

#[test]
fn raw_rows_refuse_other_lengths() {
    let bytes = vec![0u8; 100];
    let raw = |range: Range<u64>, n, d| RawRows::new(&bytes, range, ElementType::F32, n, d);
    assert!(raw(4..100, 8, 3).is_ok());
    assert!(raw(100..100, 0, 3).is_ok());
    assert_eq!(mismatch(raw(4..99, 8, 3)), ("byte range of the rows", 96, 95));
    assert_eq!(mismatch(raw(4..100, 8, 4)), ("byte range of the rows", 128, 96));
    assert_eq!(
        mismatch(RawRows::new(&bytes, 4.., ElementType::F16, 8, 3)),
        ("byte range of the rows", 48, 96)
    );
    assert_eq!(mismatch(raw(5..101, 8, 3)), ("source of the rows, in bytes,", 101, 100));
    let after = RawRows::new(&bytes, 101.., ElementType::F32, 0, 3);
    assert_eq!(mismatch(after), ("source of the rows, in bytes,", 101, 100));
    #[allow(clippy::reversed_empty_ranges, reason = "what is refused")]
    let reversed = raw(9..5, 0, 3);
    assert_eq!(mismatch(reversed), ("byte range up to its end", 9, 5));
    assert!(RawRows::new(&bytes, 4..=99, ElementType::F32, 8, 3).is_ok());
    assert!(matches!(raw(0..0, 0, 0), Err(Error::InvalidParameter { name: "d", .. })));
    assert!(matches!(raw(0..0, usize::MAX, 3), Err(Error::TooLarge { size: usize::MAX, .. })));
    assert!(matches!(raw(0..0, 0, usize::MAX), Err(Error::TooLarge { size: usize::MAX, .. })));
    let widest = raw(0..0, 0, usize::MAX / 4).unwrap();
    assert_eq!(widest.gather(&[], &mut Scratch::new()).unwrap().dim(), usize::MAX / 4);
    let none = raw(4..100, 8, 3).unwrap().block_rows(0);
    assert!(matches!(none, Err(Error::InvalidParameter { name: "block_rows", .. })));
}

#[test]
fn rows_outside_are_refused_as_in_memory() {
    let x = data::<f32>();
    let all = bytes(&x);
    let memory = x_rows(&x);
    let raw = RawRows::new(&all[..], .., ElementType::F32, N, D).unwrap();
    let shards = Shards::new(vec![memory.slice(0..60).unwrap(), memory.slice(60..N).unwrap()]).unwrap();
    let mut scratch = Scratch::new();
    for source in [&raw as &dyn RowSource, &shards] {
        #[allow(clippy::reversed_empty_ranges, reason = "what is refused")]
        for range in [0..N + 1, N + 1..N + 1, 5..3, usize::MAX..usize::MAX] {
            let expected = mismatch(memory.slice(range.clone()));
            assert_eq!(mismatch(source.read(range, &mut scratch)), expected);
        }
        let expected = mismatch(memory.gather(&[3, N + 7, N, 70], &mut Scratch::new()));
        assert_eq!(mismatch(source.gather(&[3, N + 7, N, 70], &mut scratch)), expected);
    }
}

#[test]
fn shards_refuse_what_does_not_fit() {
    let x = data::<f32>();
    let h = data::<f16>();
    let (a, b) = (x_rows(&x), Rows::F16(h.view()));
    let narrow = Array2::<f32>::zeros((0, D - 1));
    assert!(matches!(Shards::new(Vec::<Rows>::new()), Err(Error::Empty { what: "list of shards" })));
    // A shard without rows still has its columns, but no type.
    assert_eq!(mismatch(Shards::new(vec![a, x_rows(&narrow)])), ("row of a shard", D, D - 1));
    let none = b.slice(0..0).unwrap();
    assert!(Shards::new(vec![none, a, none]).is_ok());
    let error = Shards::new(vec![a, b]).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().starts_with("a shard of f32 cannot be combined with a shard of f16"),
        "{error}"
    );
    let blocked = |rows| Blocked::new(rows, 16).unwrap();
    assert!(matches!(Shards::new(vec![blocked(a), blocked(b)]), Err(Error::Conflict { .. })));
}

/// A source that breaks its word after the first row was read.
struct Liar<'a>(Rows<'a>, Rows<'a>, AtomicU64);

impl RowSource for Liar<'_> {
    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn read<'a>(&'a self, range: Range<usize>, _: &'a mut Scratch) -> Result<Rows<'a>> {
        let rows = if self.2.fetch_add(1, Ordering::Relaxed) == 0 { &self.0 } else { &self.1 };
        rows.slice(range.start.min(rows.n_rows())..range.end.min(rows.n_rows()))
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.1.gather(&rows[..rows.len().min(self.1.n_rows())], scratch)
    }
}

#[test]
fn shards_do_not_trust_a_shard() {
    let x = data::<f32>();
    let h = data::<f16>();
    let narrow = x.slice(ndarray::s![.., ..D - 1]);
    let honest = x_rows(&x);
    let lies = [honest.slice(0..2).unwrap(), Rows::F32(narrow), Rows::F16(h.view())];
    for (i, lie) in lies.into_iter().enumerate() {
        let liar = Liar(honest, lie, AtomicU64::new(0));
        let shards = Shards::new(vec![&honest as &dyn RowSource, &liar]).unwrap();
        let mut scratch = Scratch::new();
        let refused = |error: Option<Error>| match (i, error.unwrap()) {
            (0, Error::ShapeMismatch { what: "block of a shard", .. }) => {}
            (1, Error::ShapeMismatch { what: "row of a shard", expected: D, .. }) => {}
            (2, Error::Conflict { .. }) => {}
            (_, error) => panic!("{error}"),
        };
        refused(shards.read(N + 1..N + 9, &mut scratch).err());
        refused(shards.read(N - 1..N + 9, &mut scratch).err());
        refused(shards.gather(&[N, N + 1, N + 1], &mut scratch).err());
        refused(shards.gather(&[0, N, N + 1, N + 1], &mut scratch).err());
    }
}

/// A source that counts what it is asked.
struct Asked<'a>(Blocked<'a>, AtomicU64, AtomicU64);

impl RowSource for Asked<'_> {
    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn block_rows(&self) -> usize {
        self.0.block_rows()
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(range, scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.2.fetch_add(1, Ordering::Relaxed);
        self.0.gather(rows, scratch)
    }
}

/// A gather asks each shard once, and a range inside one shard is that shard's own memory.
#[test]
fn shards_ask_once_and_do_not_copy() {
    let x = data::<f32>();
    let all = x_rows(&x);
    let asked = |part| {
        let rows = Blocked::new(all.slice(part).unwrap(), 16).unwrap();
        Asked(rows, AtomicU64::new(0), AtomicU64::new(0))
    };
    let shards = Shards::new(parts(&[50, 50, 60, N]).into_iter().map(asked).collect()).unwrap();
    let count = || -> (Vec<u64>, Vec<u64>) {
        let taken = |s: &Asked| (s.1.swap(0, Ordering::Relaxed), s.2.swap(0, Ordering::Relaxed));
        shards.shards().iter().map(taken).unzip()
    };
    assert_eq!(count(), (vec![1, 0, 1, 1], vec![0; 4]));
    let mut scratch = Scratch::new();
    shards.gather(&[149, 0, 70, 0, 49, 148, 1], &mut scratch).unwrap();
    assert_eq!(count(), (vec![0; 4], vec![1, 0, 0, 1]));
    shards.read(40..61, &mut scratch).unwrap();
    assert_eq!(count(), (vec![1, 0, 1, 1], vec![0; 4]));
    let Rows::F32(inside) = shards.read(50..60, &mut scratch).unwrap() else { panic!("f32 was given") };
    assert_eq!(inside.as_ptr(), x.row(50).as_ptr());
    assert_eq!(count(), (vec![0, 0, 1, 0], vec![0; 4]));
    // One array is still one array.
    let whole = Shards::new(vec![all.slice(0..0).unwrap(), all]).unwrap();
    assert!(whole.resident().is_some() && shards.resident().is_none());
}

/// All texts of an error, outermost first.
fn chain(error: &Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts
}

#[test]
fn a_truncated_file_is_named() {
    let x = data::<f32>();
    let file = Temporary::new(&bytes(&x));
    let raw = || RawRows::new(file.open(), .., ElementType::F32, N, D).unwrap().block_rows(16).unwrap();
    let shards = Shards::new(vec![raw(), raw()]).unwrap();
    let rows = raw();
    // Row 20 ends at byte 420.
    OpenOptions::new().write(true).open(&file.0).unwrap().set_len(419).unwrap();
    assert_eq!(
        mismatch(RawRows::new(file.open(), .., ElementType::F32, N, D)),
        ("byte range of the rows", 3000, 419)
    );
    let mut scratch = Scratch::new();
    rows.read(0..20, &mut scratch).unwrap();
    let texts = chain(&rows.read(16..32, &mut scratch).unwrap_err());
    assert_eq!(texts[..2], ["row source failed", "rows 16..32 end at byte 640, but only 419 bytes are left"]);
    assert_eq!(texts.len(), 3, "the system's own error: {texts:?}");
    let texts = chain(&rows.gather(&[0, 20], &mut scratch).unwrap_err());
    assert_eq!(texts[1], "rows 0..21 end at byte 420, but only 419 bytes are left");
    let texts = chain(&shards.read(N + 5..N + 25, &mut scratch).unwrap_err());
    assert_eq!(texts[1..3], ["shard 1 failed", "rows 5..25 end at byte 500, but only 419 bytes are left"]);
    let error = KMeans::new(3).fit_on(&Cpu::new().unwrap(), &rows, None, &Context::default()).unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error}");
}

/// Bytes whose length is known and that cannot be read.
struct Unreadable;

impl ReadAt for Unreadable {
    fn len(&self) -> std::result::Result<u64, SourceError> {
        Ok(3000)
    }
    fn read_exact_at(&self, _: u64, _: &mut [u8]) -> std::result::Result<(), SourceError> {
        Err("the disk is gone".into())
    }
}

#[test]
fn an_unreadable_file_gives_its_own_error() {
    let rows = RawRows::new(Unreadable, .., ElementType::F32, N, D).unwrap();
    let mut scratch = Scratch::new();
    let texts = chain(&rows.read(3..5, &mut scratch).unwrap_err());
    assert_eq!(texts[1..], ["rows 3..5 at bytes 60..100 could not be read", "the disk is gone"]);
    let texts = chain(&Shards::new(vec![rows]).map(|_| ()).unwrap_err());
    assert_eq!(
        texts[1..],
        ["shard 0 failed", "rows 0..1 at bytes 0..20 could not be read", "the disk is gone"]
    );

    // A file that was opened for writing only.
    let file = Temporary::new(&[0; 3000]);
    let closed = OpenOptions::new().write(true).open(&file.0).unwrap();
    let rows = RawRows::new(closed, .., ElementType::F32, N, D).unwrap();
    let error = rows.gather(&[1], &mut scratch).unwrap_err();
    let mut source = std::error::Error::source(&error).unwrap();
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    assert!(source.downcast_ref::<std::io::Error>().is_some(), "{source}");
}

#[test]
fn raw_rows_of_anything_that_reads() {
    let values = [1.0f32, 2.0, 3.0, 4.0];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let expected = bits(&(&values[..], 2, 2).into_rows().unwrap());
    let file = Temporary::new(&bytes);
    let boxed: [Box<dyn ReadAt>; 3] = [Box::new(bytes.clone()), Box::new(&bytes[..]), Box::new(file.open())];
    for source in boxed {
        let rows = RawRows::new(source, .., ElementType::F32, 2, 2).unwrap();
        assert_eq!(bits(&rows.read(0..2, &mut Scratch::new()).unwrap()), expected);
    }
    // What lies in memory has an end, wherever one asks.
    for offset in [9, 16, 17, u64::MAX] {
        assert!(bytes.read_exact_at(offset, &mut [0; 8]).is_err());
    }
}
