"""A catalog of files for pyiceberg, which has none: tables in folders, whose versions are `metadata/vN.metadata.json` (the layout of Hadoop tables)."""

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import load_file_io
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.update import update_table_metadata


class FolderCatalog(NoopCatalog):
    """`root` is a location; other properties are those of file access. One writer at a time."""

    def __init__(self, name, root, **properties):
        super().__init__(name, **properties)
        self._root = root

    def load_table(self, identifier):
        identifier = self.identifier_to_tuple(identifier)
        folder = "/".join([self._root, *identifier])
        io = load_file_io(self.properties, folder)
        number = 1
        # Versions are never taken away; the hint may be behind, and a listing is not needed for it.
        if io.new_input(f"{folder}/metadata/version-hint.text").exists():
            with io.new_input(f"{folder}/metadata/version-hint.text").open() as hint:
                number = int(hint.read())
        while io.new_input(version(folder, number + 1)).exists():
            number += 1
        location = version(folder, number)
        return Table(identifier, FromInputFile.table_metadata(io.new_input(location)), location, io, self)

    def commit_table(self, table, requirements, updates):
        base = self.load_table(table.name())
        for requirement in requirements:
            requirement.validate(base.metadata)
        metadata = update_table_metadata(base.metadata, updates, metadata_location=base.metadata_location)
        folder, _, file = base.metadata_location.rpartition("/metadata/")
        number = int(file.removeprefix("v").partition(".")[0]) + 1
        ToOutputFile.table_metadata(metadata, base.io.new_output(version(folder, number)))
        with base.io.new_output(f"{folder}/metadata/version-hint.text").create(overwrite=True) as hint:
            hint.write(str(number).encode())
        return CommitTableResponse(metadata=metadata, metadata_location=version(folder, number))


def version(folder, number):
    return f"{folder}/metadata/v{number}.metadata.json"
