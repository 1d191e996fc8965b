"""Gets, puts or deletes one object of an S3 store."""
import sys, json, base64
from pyarrow.fs import S3FileSystem, FileType
endpoint, key, secret, action, location, source = sys.argv[1:7]
store = S3FileSystem(access_key=key, secret_key=secret, region="us-east-1", endpoint_override=endpoint)
path = location.split("://", 1)[1]
if action == "put":
    with open(source, "rb") as file, store.open_output_stream(path) as out: out.write(file.read())
    print("{}")
elif store.get_file_info(path).type != FileType.File:
    print(json.dumps({"missing": action == "get"}))
elif action == "delete":
    store.delete_file(path)
    print('{"done": true}')
else:
    with store.open_input_file(path) as file: print(json.dumps({"bytes": base64.b64encode(file.read()).decode()}))
