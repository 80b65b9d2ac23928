"""Tests the check of directions: breaks each of its rules once, in a copy of the tree. Started by
scripts/check-direction --test."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import check

TREE = pathlib.Path(__file__).resolve().parents[2]

MANIFEST = """[package]
name = "clouddrive-{name}"
version.workspace = true
edition.workspace = true

[dependencies]
{dependencies}
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        for name in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"]:
            shutil.copy(TREE / name, self.root)
        shutil.copytree(TREE / "crates", self.root / "crates", ignore=shutil.ignore_patterns("*.md", "target"))

    def write(self, path, text):
        path = self.root / "crates" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def prepend(self, path, text):
        """Adds text at the start of a file: what stands in or after its tests is not checked."""
        path = self.root / "crates" / path
        path.write_text(text + path.read_text())

    def depend(self, folder, dependency):
        manifest = self.root / "crates" / folder / "Cargo.toml"
        text = manifest.read_text()
        manifest.write_text(text.replace("[dependencies]\n", f"[dependencies]\n{dependency}.workspace = true\n", 1))

    def add(self, name, *dependencies):
        lines = "\n".join(f"{dependency}.workspace = true" for dependency in dependencies)
        self.write(f"{name}/Cargo.toml", MANIFEST.format(name=name, dependencies=lines))
        self.write(f"{name}/src/lib.rs", "")
        manifest = self.root / "Cargo.toml"
        manifest.write_text(manifest.read_text().replace('    "crates/api",\n', f'    "crates/api",\n    "crates/{name}",\n'))

    def lock(self):
        subprocess.run(["cargo", "update", "--quiet", "--workspace", "--offline"], cwd=self.root, check=True)

    def crates(self):
        return check.packages(self.root)


class Layers(Case):
    def faults(self):
        return list(check.check_layers(self.crates()))

    def test_the_tree_keeps_them(self):
        self.assertEqual(self.faults(), [])

    def test_what_is_shared_does_not_depend_on_a_protocol(self):
        self.depend("http", "clouddrive-rest")
        self.assertEqual(self.faults(), ["http must not depend on rest, which is of the same layer or a higher one"])

    def test_what_is_shared_does_not_depend_on_an_sql_crate(self):
        self.depend("http", "clouddrive-sql")
        self.assertEqual(self.faults(), ["http must not depend on adapters/sql, which is of the same layer or a higher one"])

    def test_protocols_do_not_know_each_other(self):
        self.add("dav", "clouddrive-http", "clouddrive-domain", "clouddrive-rest")
        self.assertEqual(self.faults(), ["dav must not depend on rest, which is of the same layer or a higher one"])

    def test_adapters_do_not_know_each_other(self):
        self.depend("adapters/disk", "clouddrive-s3")
        self.depend("adapters/auth", "clouddrive-sql")
        self.assertEqual(
            self.faults(), ["adapters/disk must not depend on adapters/s3, which is of the same layer or a higher one"]
        )

    def test_the_ground_depends_on_no_crate_of_ours(self):
        self.depend("domain", "clouddrive-contract")
        self.depend("verify", "clouddrive-domain")
        self.assertEqual(
            self.faults(),
            [
                "domain must not depend on contract, which is of the same layer or a higher one",
                "verify must not depend on domain, which is of the same layer or a higher one",
            ],
        )

    def test_a_new_crate_needs_a_layer(self):
        self.add("cellar")
        self.assertEqual(self.faults(), ["cellar has no layer: add it to LAYERS in scripts/direction/check.py"])


class Dependencies(Case):
    def faults(self):
        self.lock()
        return list(check.check_dependencies(self.root, self.crates()))

    def test_the_tree_has_the_right_ones(self):
        self.assertEqual(self.faults(), [])

    def test_the_domain_is_pure(self):
        self.depend("domain", "tokio")
        self.assertIn("domain depends on tokio, which it must not know", self.faults())

    def test_what_is_shared_by_protocols_is_not_configured(self):
        self.depend("http", "opentelemetry")
        self.depend("jobs", "dotenvy")
        self.assertEqual(
            self.faults(),
            [
                "http depends on opentelemetry, which it must not know",
                "jobs depends on dotenvy, which it must not know",
            ],
        )


class Names(Case):
    def faults(self):
        return list(check.check_names(self.root, self.crates()))

    def test_the_tree_keeps_to_them(self):
        self.assertEqual(self.faults(), [])

    def test_only_the_wiring_names_adapters(self):
        self.prepend("api/src/wiring/blobs.rs", "use clouddrive_s3::S3Store;\n")
        self.prepend("api/src/commands/serve.rs", "// clouddrive_s3\nuse clouddrive_s3::S3Store;\n")
        self.prepend("rest/src/parse.rs", "fn text() -> clouddrive_sql::types::Id {}\n")
        self.prepend("api/src/output.rs", "use clouddrive_verify::sources::Disk;\n")
        self.assertEqual(
            sorted(self.faults()),
            [
                "only the wiring may name clouddrive_s3: api/src/commands/serve.rs",
                "only the wiring may name clouddrive_sql: rest/src/parse.rs",
                "only the wiring may name clouddrive_verify::sources: api/src/output.rs",
            ],
        )

    def test_what_is_shared_by_protocols_knows_nothing_of_the_binary(self):
        for word in ["config", "telemetry", "wiring"]:
            self.prepend("http/src/cors.rs", f"use crate::{word}::Thing;\n")
            self.assertIn(f"http must not know the binary's {word}: http/src/cors.rs", self.faults())


class Sizes(Case):
    def faults(self):
        return list(check.check_sizes(self.root))

    def test_the_tree_is_small_enough(self):
        self.assertEqual(self.faults(), [])

    def test_main_is_short(self):
        self.write("api/src/main.rs", "//\n" * 41)
        self.assertEqual(self.faults(), ["api/src/main.rs has 41 lines, and at most 40 are allowed"])

    def test_the_binary_is_thin(self):
        shutil.rmtree(self.root / "crates/api/src")
        self.write("api/src/main.rs", "//\n" * 40)
        self.write("api/src/wiring/deep.rs", "//\n" * 4461)
        self.assertEqual(self.faults(), ["api/src has 4501 lines, and at most 4500 are allowed"])


class Circles(unittest.TestCase):
    def circles(self, files):
        crate = check.Crate({name: check.code_of(code) for name, code in files.items()})
        return check.circles({name: sorted(set(crate.imports(name))) for name in files})

    def test_files_do_not_import_each_other(self):
        files = {
            "lib.rs": "mod a; mod b; mod c;",
            "a.rs": "use crate::b::{self, B};\nfn a() {}",
            "b.rs": "fn b() { crate::c::c() }",
            "c.rs": "use crate::{\n    a::a,\n};",
        }
        self.assertEqual(self.circles(files), [["a.rs", "b.rs", "c.rs"]])
        files["c.rs"] = "fn c() {}"
        self.assertEqual(self.circles(files), [])

    def test_siblings_count_by_super(self):
        files = {"a.rs": "mod x; mod y;", "a/x.rs": "use super::y::Y;", "a/y.rs": "use super::x::{X as Z};"}
        self.assertEqual(self.circles({"lib.rs": "mod a;", **files}), [["a/x.rs", "a/y.rs"]])

    def test_parents_and_children_count_only_by_crate(self):
        files = {"lib.rs": "mod a;", "a/mod.rs": "mod x; pub use x::X; use self::x::Y;", "a/x.rs": "use super::{A, B};"}
        self.assertEqual(self.circles(files), [])
        files["a/x.rs"] = "use crate::a::A;"
        self.assertEqual(self.circles(files), [])
        files["a/mod.rs"] = "mod x; use crate::a::x::X;"
        self.assertEqual(self.circles(files), [["a/mod.rs", "a/x.rs"]])

    def test_comments_strings_and_tests_do_not_count(self):
        files = {"lib.rs": "mod a; mod b;", "b.rs": "use crate::a::A;"}
        for code in [
            "/// See crate::b::B.\n",
            'const TEXT: &str = "crate::b::B";',
            "#[cfg(test)]\n#[expect(lint)]\nmod tests {\n    use crate::b::B;\n}\n",
        ]:
            self.assertEqual(self.circles({**files, "a.rs": code}), [], code)

    def test_a_quote_as_a_character_hides_nothing(self):
        files = {"lib.rs": "mod a; mod b;", "b.rs": "use crate::a::A;"}
        files["a.rs"] = "fn quoted(c: char) -> bool { c == '\"' }\nuse crate::b::B;\nconst TEXT: &str = \"x\";"
        self.assertEqual(self.circles(files), [["a.rs", "b.rs"]])

    def test_a_function_named_like_a_module_is_its_parents(self):
        files = {"lib.rs": "mod a;", "a.rs": "mod x; mod y; fn x() {}"}
        files |= {"a/x.rs": "use super::y::Y;", "a/y.rs": "use super::x;"}
        self.assertEqual(self.circles(files), [])


if __name__ == "__main__":
    unittest.main()
