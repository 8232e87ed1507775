//! Pruning by the distance to centroids, and by the complexity of clusters.

use pauca::{DensityPruning, Error, Prototypes, Prune, Scope};

use crate::clusters::pauca_clusters;
use crate::context::{pauca_context, within};
use crate::door::{Door, size};
use crate::options::{Sized32, choice, no_flags, switch};
use crate::status::{Done, pauca_error, pauca_status};

/// The rows nearest to their centroid go: the hard ones are kept.
pub const PAUCA_PRUNE_NEAREST: i32 = 0;
/// The rows farthest from their centroid go: the easy ones are kept.
pub const PAUCA_PRUNE_FARTHEST: i32 = 1;

/// A row is ranked among all rows.
pub const PAUCA_SCOPE_GLOBAL: i32 = 0;
/// A row is ranked among those of its cluster, and each cluster keeps its share.
pub const PAUCA_SCOPE_PER_CLUSTER: i32 = 1;

pub(crate) const SCOPES: [Scope; 2] = [Scope::Global, Scope::PerCluster];
const PRUNES: [Prune; 2] = [Prune::Nearest, Prune::Farthest];

/// What is asked of pruning by prototypicality. Begin with pauca_prototypes_options_init.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_prototypes_options {
    /// sizeof(pauca_prototypes_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The share of the rows to keep, within [0, 1]. Default 0.5.
    pub keep_fraction: f64,
    /// PAUCA_PRUNE_NEAREST (default) or PAUCA_PRUNE_FARTHEST.
    pub prune: i32,
    /// PAUCA_SCOPE_GLOBAL (default) or PAUCA_SCOPE_PER_CLUSTER.
    pub scope: i32,
}

// SAFETY: repr(C), no padding, any bytes are a value.
unsafe impl Sized32 for pauca_prototypes_options {
    const NAME: &'static str = "prototypes options";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        let struct_size = size_of::<Self>() as u32;
        Self { struct_size, flags: 0, keep_fraction: 0.5, prune: 0, scope: 0 }
    }
}

/// What is asked of density-based pruning. Begin with pauca_density_options_init.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_density_options {
    /// sizeof(pauca_density_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The share of the rows to keep, within [0, 1]. Default 0.5.
    pub keep_fraction: f64,
    /// T, above 0: the smaller, the more the complex clusters get. Default 0.5.
    pub temperature: f64,
    /// How many of the nearest centroids count, at least 1. Default 20.
    pub neighbours: u64,
    /// The share of an even quota that every cluster keeps, within [0, 1]. Default 0.5.
    pub least: f64,
    /// PAUCA_PRUNE_NEAREST (default) or PAUCA_PRUNE_FARTHEST.
    pub prune: i32,
    /// 1 to give clusters of NaN complexity the mean of the others, as the published code does; else 0 (default).
    pub nan_as_mean: i32,
}

// SAFETY: repr(C), no padding, any bytes are a value.
unsafe impl Sized32 for pauca_density_options {
    const NAME: &'static str = "density options";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            keep_fraction: 0.5,
            temperature: 0.5,
            neighbours: 20,
            least: 0.5,
            prune: 0,
            nan_as_mean: 0,
        }
    }
}

/// Where pauca_density_select puts its results: NULL for what is not wanted; lengths count values and must be exact. Set
/// struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_density_arrays {
    /// sizeof(pauca_density_arrays).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// [n]: 1 for a row that is kept, else 0.
    pub keep: *mut u8,
    /// n.
    pub keep_len: u64,
    /// [k]: rows kept of each cluster.
    pub quotas: *mut u64,
    /// k.
    pub quotas_len: u64,
    /// [k]: mean distance of the rows of a cluster to its centroid; NaN without rows.
    pub intra: *mut f64,
    /// k.
    pub intra_len: u64,
    /// [k]: mean distance of a centroid to its nearest neighbours; NaN without rows.
    pub inter: *mut f64,
    /// k.
    pub inter_len: u64,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_density_arrays {
    const NAME: &'static str = "density arrays";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            keep: core::ptr::null_mut(),
            keep_len: 0,
            quotas: core::ptr::null_mut(),
            quotas_len: 0,
            intra: core::ptr::null_mut(),
            intra_len: 0,
            inter: core::ptr::null_mut(),
            inter_len: 0,
        }
    }
}

/// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_prototypes_options_init(
    options: *mut pauca_prototypes_options,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(options, struct_size))
}

/// Marks the rows to keep, exactly round_half_even(keep_fraction n) of them, by their distances [n] to their centroids.
/// labels [n] below n_clusters; keep [n] gets 1 or 0. options: NULL for the defaults. Of equally distant rows the lower
/// index is kept.
/// Errors: PAUCA_NON_FINITE, PAUCA_LABEL_OUT_OF_RANGE, PAUCA_INVALID_PARAMETER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_prototypes_select(
    distances: *const f64,
    labels: *const u32,
    n_rows: u64,
    n_clusters: u64,
    options: *const pauca_prototypes_options,
    keep: *mut u8,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let (n, k) = (size("n_rows", n_rows)?, size("n_clusters", n_clusters)?);
        let distances = door.slice("distances", distances, n)?;
        let labels = door.slice("labels", labels, n)?;
        let o = door.options_or_default(options)?;
        no_flags("prototypes options", o.flags)?;
        let params = Prototypes::new()
            .keep_fraction(o.keep_fraction)
            .prune(choice("prune", &PRUNES, o.prune, "one of PAUCA_PRUNE_...")?)
            .scope(choice("scope", &SCOPES, o.scope, "one of PAUCA_SCOPE_...")?);
        let out = door.out("keep", keep, n)?;
        let kept = params.select(distances, labels, k)?;
        out.write_each(kept.iter().map(|kept| u8::from(*kept)));
        Ok(())
    })
}

fn density(door: &Door, options: *const pauca_density_options) -> Done<DensityPruning> {
    let o = door.options_or_default(options)?;
    no_flags("density options", o.flags)?;
    Ok(DensityPruning::new()
        .keep_fraction(o.keep_fraction)
        .temperature(o.temperature)
        .neighbours(size("neighbours", o.neighbours)?)
        .least(o.least)
        .prune(choice("prune", &PRUNES, o.prune, "one of PAUCA_PRUNE_...")?)
        .nan_as_mean(switch("nan_as_mean", o.nan_as_mean)?))
}

/// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_density_options_init(
    options: *mut pauca_density_options,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(options, struct_size))
}

/// Marks the rows to keep of a clustering with distances, so that clusters that are wide and lie apart keep more.
/// options: NULL for the defaults.
/// Errors: PAUCA_EMPTY for a clustering without distances, PAUCA_INVALID_PARAMETER, PAUCA_NON_FINITE with the cluster as
/// row, PAUCA_SHAPE_MISMATCH for a wrong length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_density_select(
    clusters: *const pauca_clusters,
    options: *const pauca_density_options,
    arrays: *const pauca_density_arrays,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let clusters = &*door.get("clusters", clusters)?.clusters;
        let params = density(door, options)?;
        let to = door.options(arrays)?;
        no_flags("density arrays", to.flags)?;
        let (n, k) = (clusters.labels.len(), clusters.centroids.nrows());
        let keep = door.out_of("keep", to.keep, to.keep_len, n)?;
        let quotas = door.out_of("quotas", to.quotas, to.quotas_len, k)?;
        let intra = door.out_of("intra", to.intra, to.intra_len, k)?;
        let inter = door.out_of("inter", to.inter, to.inter_len, k)?;
        within(door.get_or_null("context", context)?, |call| {
            let found = params.select_in(clusters, &call.cx)?;
            keep.write_each(found.keep.iter().map(|keep| u8::from(*keep)));
            quotas.write_each(found.quotas.iter().copied());
            intra.write_each(found.intra.iter().copied());
            inter.write_each(found.inter.iter().copied());
            Ok(())
        })
    })
}

/// How many rows each of k clusters keeps of total: by intra [k], inter [k] and the sizes [k]. quotas: k values.
/// Errors: PAUCA_TOO_LARGE for a total above the rows there are, PAUCA_NON_FINITE, PAUCA_INVALID_PARAMETER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_density_quotas(
    total: u64,
    intra: *const f64,
    inter: *const f64,
    sizes: *const u64,
    n_clusters: u64,
    options: *const pauca_density_options,
    quotas: *mut u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let k = size("n_clusters", n_clusters)?;
        if k == 0 {
            return Err(Error::Empty { what: "clusters" }.into());
        }
        let intra = door.slice("intra", intra, k)?;
        let inter = door.slice("inter", inter, k)?;
        let sizes = door.slice("sizes", sizes, k)?;
        let params = density(door, options)?;
        let out = door.out("quotas", quotas, k)?;
        out.write(&params.quotas(total, intra, inter, sizes)?);
        Ok(())
    })
}
