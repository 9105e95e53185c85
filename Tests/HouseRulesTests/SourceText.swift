/// A Swift source with its comments, and perhaps its string literals, blanked out.
///
/// Blanked characters become spaces and line breaks stay, so that lines and columns are
/// those of the source. What is interpolated into a string is code, and stays.
struct SourceText {
  /// The source.
  let text: String
  /// The source without comments.
  let withoutComments: String
  /// The source without comments and without the contents of strings.
  let code: String

  init(_ text: String) {
    self.text = text
    withoutComments = Self.blank(text, strings: false)
    code = Self.blank(text, strings: true)
  }

  /// The lines of ``code``.
  var codeLines: [String] {
    code.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// The number of lines that hold anything but comments and white space.
  var codeLineCount: Int {
    withoutComments.split(separator: "\n").count { $0.contains { !$0.isWhitespace } }
  }

  private enum Place {
    /// Code, with the number of parentheses that are open within an interpolation.
    case code(parentheses: Int)
    case lineComment
    case blockComment(depth: Int)
    case string(pounds: Int, isMultiline: Bool)
  }

  private static func blank(_ text: String, strings: Bool) -> String {
    var scanner = Scanner(bytes: Array(text.utf8), blanksStrings: strings)
    scanner.run()
    return String(decoding: scanner.result, as: UTF8.self)
  }

  private struct Scanner {
    let bytes: [UInt8]
    let blanksStrings: Bool
    var result: [UInt8] = []
    var offset = 0
    var places: [Place] = [.code(parentheses: 0)]

    init(bytes: [UInt8], blanksStrings: Bool) {
      self.bytes = bytes
      self.blanksStrings = blanksStrings
    }

    mutating func run() {
      result.reserveCapacity(bytes.count)
      while offset < bytes.count {
        // Almost every byte: none that begins or ends anything.
        switch bytes[offset] {
        case UInt8(ascii: "/"), UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "\""),
          UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"), UInt8(ascii: "\n"):
          break
        case let byte:
          result.append(blanksHere ? UInt8(ascii: " ") : byte)
          offset += 1
          continue
        }
        switch places[places.count - 1] {
        case .code(let parentheses): scanCode(parentheses)
        case .lineComment:
          if bytes[offset] == UInt8(ascii: "\n") { places.removeLast() }
          take(1, blanked: true)
        case .blockComment(let depth): scanBlockComment(depth)
        case .string(let pounds, let isMultiline): scanString(pounds, isMultiline)
        }
      }
    }

    private var blanksHere: Bool {
      switch places[places.count - 1] {
      case .code: false
      case .lineComment, .blockComment: true
      case .string: blanksStrings
      }
    }

    private func starts(with word: String, at position: Int? = nil) -> Bool {
      bytes[(position ?? offset)...].starts(with: word.utf8)
    }

    private mutating func take(_ count: Int, blanked: Bool) {
      for byte in bytes[offset..<min(offset + count, bytes.count)] {
        result.append(blanked && byte != UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte)
      }
      offset += count
    }

    private mutating func scanCode(_ parentheses: Int) {
      let pounds = bytes[offset...].prefix { $0 == UInt8(ascii: "#") }.count
      if starts(with: "//") {
        places.append(.lineComment)
      } else if starts(with: "/*") {
        places.append(.blockComment(depth: 0))
      } else if offset + pounds < bytes.count, bytes[offset + pounds] == UInt8(ascii: "\"") {
        let isMultiline = starts(with: "\"\"\"", at: offset + pounds)
        places.append(.string(pounds: pounds, isMultiline: isMultiline))
        take(pounds + (isMultiline ? 3 : 1), blanked: false)
      } else {
        if places.count > 1 {
          let change =
            bytes[offset] == UInt8(ascii: "(") ? 1 : bytes[offset] == UInt8(ascii: ")") ? -1 : 0
          if parentheses + change == 0 {
            places.removeLast()
          } else {
            places[places.count - 1] = .code(parentheses: parentheses + change)
          }
        }
        take(max(1, pounds), blanked: false)
      }
    }

    private mutating func scanBlockComment(_ depth: Int) {
      if starts(with: "/*") {
        places[places.count - 1] = .blockComment(depth: depth + 1)
        take(2, blanked: true)
      } else if starts(with: "*/") {
        places[places.count - 1] = .blockComment(depth: depth - 1)
        if depth == 1 { places.removeLast() }
        take(2, blanked: true)
      } else {
        take(1, blanked: true)
      }
    }

    private mutating func scanString(_ pounds: Int, _ isMultiline: Bool) {
      let mark = String(repeating: "#", count: pounds)
      let end = (isMultiline ? "\"\"\"" : "\"") + mark
      if starts(with: end) {
        places.removeLast()
        take(end.utf8.count, blanked: false)
      } else if starts(with: "\\\(mark)(") {
        take(mark.utf8.count + 2, blanked: blanksStrings)
        places.append(.code(parentheses: 1))
      } else if starts(with: "\\\(mark)") {
        take(mark.utf8.count + 2, blanked: blanksStrings)
      } else {
        if !isMultiline, bytes[offset] == UInt8(ascii: "\n") { places.removeLast() }
        take(1, blanked: blanksStrings)
      }
    }
  }
}
