// Reads a ZIP from standard input with java.util.zip.ZipInputStream, and prints the SHA-256 and path of each entry.
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

class Reader {
  public static void main(String[] arguments) throws Exception {
    var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    try (var zip = new ZipInputStream(System.in, StandardCharsets.UTF_8)) {
      var piece = new byte[65536];
      for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) {
        var digest = MessageDigest.getInstance("SHA-256");
        for (int length; (length = zip.read(piece)) >= 0; ) digest.update(piece, 0, length);
        out.println(HexFormat.of().formatHex(digest.digest()) + " " + entry.getName());
      }
    }
  }
}
