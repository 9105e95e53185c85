/// Norms and rotations of the heads of queries and keys.
struct HeadRotation: Sendable {
  let rotation: Rotation?
  let cosines: [Float]
  let sines: [Float]

  init(_ rotation: Rotation?, longest: Int) {
    self.rotation = rotation
    (cosines, sines) = rotation?.table(longest: longest) ?? ([], [])
  }

  /// Turns the pairs `(x[j], x[j + half])` by the angles of a position.
  func apply(_ x: inout MutableSpan<Float>, position: Int) {
    guard let size = rotation?.size else { return }
    let half = size / 2
    for j in 0..<half {
      let (cosine, sine) = (cosines[position * half + j], sines[position * half + j])
      let (a, b) = (x[j], x[j + half])
      x[j] = a * cosine - b * sine
      x[j + half] = b * cosine + a * sine
    }
  }
}

extension Engine {
  /// Normalises and rotates the heads from `column` on, in place.
  func prepareHeads(
    _ x: Activations, column: Int, count: Int, size: Int, norm: GroupedNorm?,
    rotation: HeadRotation, positions: [Int]
  ) {
    forEachRows(x.rows) { rows in
      scratch.withScratch(rows: 1, columns: size) { buffer in
        for row in rows {
          let own = norm?.parts.first { $0.rows.contains(row) }?.norm
          for head in 0..<count {
            let place = column + head * size..<column + (head + 1) * size
            var values = x.mutableRow(row, columns: place)
            if let own {
              var result = buffer.mutableRow(0)
              own.apply(x.row(row, columns: place), into: &result)
              for i in 0..<size { values[i] = result[i] }
            }
            rotation.apply(&values, position: positions[row])
          }
        }
      }
    }
  }
}
