"""Import tasks of a bucket into Label Studio, and print where its page finds the object of a task."""

import base64
import contextlib
import json
import os
import sys
import tempfile

import boto3

bucket, name = sys.argv[1:3]
boto3.client("s3").put_object(Bucket=bucket, Key=f"images/{name}.png", Body=b"png", ContentType="image/png")
os.environ |= {
    "LABEL_STUDIO_BASE_DATA_DIR": tempfile.mkdtemp(),
    "DJANGO_SETTINGS_MODULE": "label_studio.core.settings.label_studio",
    "DJANGO_DB": "sqlite",
    "ALLOWED_HOSTS": "*",
    "LATEST_VERSION_CHECK": "false",
    "COLLECT_ANALYTICS": "false",
}
import django  # noqa: E402 - settings come first

with contextlib.redirect_stdout(sys.stderr):
    import label_studio

    sys.path.insert(0, os.path.dirname(label_studio.__file__))
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.label_studio"
    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from io_storages.s3.models import S3ImportStorage
    from organizations.models import Organization
    from projects.models import Project
    from users.models import User

    call_command("migrate", verbosity=0)
    user = User.objects.create_user(email="a@example.com", password="a-password")
    organization = Organization.create_organization(created_by=user, title="a")
    user.active_organization = organization
    user.save()
    label = '<View><Image name="image" value="$image"/></View>'
    project = Project.objects.create(title="a", created_by=user, organization=organization, label_config=label)
    storage = S3ImportStorage.objects.create(
        project=project, bucket=bucket, prefix="images", use_blob_urls=True, presign=True, presign_ttl=1,
        region_name=os.environ["AWS_REGION"], s3_endpoint=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    storage.sync()
    [task] = [each for each in project.tasks.all() if name in json.dumps(each.data)]
    page = Client()
    page.force_login(user)
    asked = base64.b64encode(task.data["image"].encode()).decode()
    answer = page.get(f"/tasks/{task.id}/resolve/?fileuri={asked}")
    assert answer.status_code in (302, 303), (answer.status_code, answer.content[:500])
print(json.dumps({"get": [{"url": answer["Location"]}]}))
