/// The numbers of version 1 that never change.
///
/// - Specification: §5 of `spec/mopz.md`.
enum FormatConstants {
  /// `8D "MOPZ" 0D 0A 1A`: no text, no UTF-8, and damaged by a transfer as text.
  static let magic: [8 of UInt8] = [0x8D, 0x4D, 0x4F, 0x50, 0x5A, 0x0D, 0x0A, 0x1A]
  /// The bytes `MOPZSLOT`.
  static let slotMagic: UInt64 = 0x544F_4C53_5A50_4F4D
  /// The bytes `MOPZDIRY`.
  static let directoryMagic: UInt64 = 0x5952_4944_5A50_4F4D
  /// The bytes `MOPZTASK`.
  static let recordMagic: UInt64 = 0x4B53_4154_5A50_4F4D
  /// The bytes `MOPZBIDX`.
  static let blockIndexMagic: UInt64 = 0x5844_4942_5A50_4F4D
  /// The bytes `MOPZBASE`.
  static let baseRecordMagic: UInt64 = 0x4553_4142_5A50_4F4D

  /// The size of the header and of each slot's page.
  static let pageByteCount = 4096
  /// Header and both slots; regions start here.
  static let headerByteCount = 12288
  /// Where slot A lies; slot B follows a page later.
  static let slotOffsets = (a: 4096, b: 8192)

  /// Every region starts at a multiple of this.
  static let regionAlignment = 64
  /// Blocks of at least ``largeBlockByteCount`` start at a multiple of this.
  static let largeBlockAlignment = 4096
  /// The size from which a block is aligned to a page.
  static let largeBlockByteCount = 65536

  /// The index that means "none".
  static let none: UInt32 = 0xFFFF_FFFF
}

/// The version of the format that this library writes, and the newest that it knows.
public enum FormatVersion {
  /// A reader refuses any other major version.
  public static let major: UInt16 = 1
  /// A greater minor version adds only what a reader may ignore.
  public static let minor: UInt16 = 0
}
