// Serve Uppy Companion, which hands out URLs and forms for uploads to a bucket.
import * as companion from '@uppy/companion'
import express from 'express'
import session from 'express-session'

const [bucket, port, folder] = process.argv.slice(2)
const app = express()
app.use(express.json())
app.use(session({ secret: 'test', resave: false, saveUninitialized: true }))
const served = companion.app({
  s3: {
    bucket,
    region: process.env.AWS_REGION,
    endpoint: process.env.AWS_ENDPOINT_URL,
    forcePathStyle: true,
    key: process.env.AWS_ACCESS_KEY_ID,
    secret: process.env.AWS_SECRET_ACCESS_KEY,
  },
  providerOptions: {},
  server: { host: `127.0.0.1:${port}`, protocol: 'http' },
  filePath: folder,
  secret: 'test',
  uploadUrls: [/.*/],
  corsOrigins: true,
})
app.use(served.app ?? served)
app.listen(Number(port), '127.0.0.1')
