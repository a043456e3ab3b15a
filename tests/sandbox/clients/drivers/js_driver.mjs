// The AWS SDK for JavaScript: one operation, given as a word with bucket, key, file and target.
import { createReadStream, readFileSync, writeFileSync } from "node:fs";
import * as s3sdk from "@aws-sdk/client-s3";
import { ListWorkteamsCommand, SageMakerClient, UpdateWorkteamCommand } from "@aws-sdk/client-sagemaker";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const [operation, Bucket, Key, file, target] = process.argv.slice(2);
const s3 = new s3sdk.S3Client({ forcePathStyle: true });
const thing = { Bucket, Key };
const send = (name, input) => s3.send(new s3sdk[`${name}Command`](input));

async function receive(more = {}) {
  const answer = await send("GetObject", { ...thing, ...more });
  writeFileSync(file, await answer.Body.transformToByteArray());
}

async function count() {
  let keys = 0;
  for await (const page of s3sdk.paginateListObjectsV2({ client: s3 }, { Bucket })) keys += page.Contents.length;
  return keys;
}

const calls = {
  list_buckets: async () => (await send("ListBuckets", {})).Buckets.map((each) => each.Name),
  put: () => send("PutObject", { ...thing, Body: readFileSync(file) }),
  get: () => receive(),
  head: () => send("HeadObject", thing),
  presigned_get: () => getSignedUrl(s3, new s3sdk.GetObjectCommand(thing), { expiresIn: 300 }),
  multipart: () =>
    new Upload({ client: s3, params: { ...thing, Body: createReadStream(file) }, partSize: 5 * 2 ** 20 }).done(),
  copy: () => send("CopyObject", { Bucket, Key: target, CopySource: encodeURIComponent(`${Bucket}/${Key}`) }),
  range: () => receive({ Range: "bytes=3-9" }),
  tags: () => send("PutObjectTagging", { ...thing, Tagging: { TagSet: [{ Key: "colour", Value: "blue" }] } }),
  delete: () => send("DeleteObject", thing),
  paging: count,
  wrong_region: () => send("GetObject", thing),
  list_teams: () => new SageMakerClient({}).send(new ListWorkteamsCommand({})),
  update_team: () =>
    new SageMakerClient({}).send(
      new UpdateWorkteamCommand({
        WorkteamName: Key,
        WorkerAccessConfiguration: {
          S3Presign: { IamPolicyConstraints: { SourceIp: "Enabled", VpcSourceIp: "Disabled" } },
        },
      }),
    ),
};

const answer = await calls[operation]();
console.log(typeof answer === "string" ? answer : JSON.stringify(answer, (name, value) => (name === "Body" ? undefined : value)));
