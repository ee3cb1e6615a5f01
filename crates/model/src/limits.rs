//! The limits of a draft, each with its reason. A request over a limit is refused whole.

/// Files in one draft. The largest real front-end project in our corpus has about 1,500.
pub const MAX_FILES: usize = 5_000;

/// Bytes in one file: images and fonts fit, videos belong in object storage of the app's own.
pub const MAX_FILE_BYTES: u64 = 25 * 1024 * 1024;

/// Bytes in one draft, all files together.
pub const MAX_DRAFT_BYTES: u64 = 250 * 1024 * 1024;

/// Bytes in a lockfile: package managers read them whole, and 8 MiB names some 30,000 packages.
pub const MAX_LOCKFILE_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes in a path. Linux allows 4,096, but archives, Windows and URLs do not.
pub const MAX_PATH_BYTES: usize = 512;

/// Bytes in one segment of a path: the limit of ext4, XFS, Btrfs, APFS and NTFS.
pub const MAX_SEGMENT_BYTES: usize = 255;

/// Operations in one change set: as many as a draft may have files.
pub const MAX_OPS: usize = MAX_FILES;

/// Bytes in one JSON request body. A change set carries larger files as uploaded blobs.
pub const MAX_JSON_BYTES: usize = 36 * 1024 * 1024;

/// Blobs up to this size live in the database, larger ones in the object store: below it a row is faster to write
/// and read than a file, and an app's sources cost no inode.
pub const INLINE_BLOB_BYTES: usize = 64 * 1024;

/// Bytes in the name of an app.
pub const MAX_APP_NAME_BYTES: usize = 120;

/// Bytes of an uploaded archive; what it unpacks to is bound by the draft's limits.
pub const MAX_ARCHIVE_BYTES: u64 = 100 * 1024 * 1024;

/// How many bytes an archive may unpack to for each byte it has: text compresses 20:1, bombs 1,000:1.
pub const MAX_ARCHIVE_RATIO: u64 = 200;
