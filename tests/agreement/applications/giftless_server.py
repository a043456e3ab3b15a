"""Serve Git LFS with giftless, which hands out URLs of a bucket."""

import os
import sys
from pathlib import Path
from wsgiref.simple_server import make_server

bucket, port, folder = sys.argv[1:4]
settings = Path(folder) / "giftless.yaml"
settings.write_text(f"""
AUTH_PROVIDERS: ["giftless.auth.allow_anon:read_write"]
TRANSFER_ADAPTERS:
  basic:
    factory: giftless.transfer.basic_external:factory
    options:
      storage_class: giftless.storage.amazon_s3:AmazonS3Storage
      storage_options: {{bucket_name: {bucket}, path_prefix: lfs}}
""")
os.environ["GIFTLESS_CONFIG_FILE"] = str(settings)

from giftless.app import init_app  # noqa: E402 - settings come first

make_server("127.0.0.1", int(port), init_app()).serve_forever()
