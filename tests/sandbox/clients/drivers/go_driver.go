// The AWS SDK for Go 2: one operation, given as a word with bucket, key, file and target.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	teams "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	operation, bucket, key, file, target := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	all := context.Background()
	loaded, err := config.LoadDefaultConfig(all)
	check(err)
	client := s3.NewFromConfig(loaded, func(options *s3.Options) { options.UsePathStyle = true })

	upload := func() {
		body, err := os.Open(file)
		check(err)
		defer body.Close()
		parts := manager.NewUploader(client, func(uploader *manager.Uploader) { uploader.PartSize = 5 << 20 })
		_, err = parts.Upload(all, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body})
		check(err)
	}
	receive := func(input *s3.GetObjectInput) {
		body, err := os.Create(file)
		check(err)
		defer body.Close()
		answer, err := client.GetObject(all, input)
		check(err)
		_, err = body.ReadFrom(answer.Body)
		check(err)
	}

	switch operation {
	case "list_buckets":
		answer, err := client.ListBuckets(all, &s3.ListBucketsInput{})
		check(err)
		for _, each := range answer.Buckets {
			fmt.Println(*each.Name)
		}
	case "put", "multipart":
		upload()
	case "get", "wrong_region":
		receive(&s3.GetObjectInput{Bucket: &bucket, Key: &key})
	case "range":
		receive(&s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: aws.String("bytes=3-9")})
	case "head":
		answer, err := client.HeadObject(all, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		check(err)
		fmt.Println(*answer.ContentLength)
	case "presigned_get":
		answer, err := s3.NewPresignClient(client).PresignGetObject(all, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		check(err)
		fmt.Println(answer.URL)
	case "copy":
		// S3 reads a plus sign in this header as a blank.
		source := strings.ReplaceAll((&url.URL{Path: bucket + "/" + key}).EscapedPath(), "+", "%2B")
		_, err := client.CopyObject(all, &s3.CopyObjectInput{Bucket: &bucket, Key: &target, CopySource: &source})
		check(err)
	case "tags":
		tags := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("colour"), Value: aws.String("blue")}}}
		_, err := client.PutObjectTagging(all, &s3.PutObjectTaggingInput{Bucket: &bucket, Key: &key, Tagging: tags})
		check(err)
	case "delete":
		_, err := client.DeleteObject(all, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		check(err)
	case "paging":
		count := 0
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
		for pages.HasMorePages() {
			page, err := pages.NextPage(all)
			check(err)
			count += len(page.Contents)
		}
		fmt.Println(count)
	case "list_teams":
		answer, err := sagemaker.NewFromConfig(loaded).ListWorkteams(all, &sagemaker.ListWorkteamsInput{})
		check(err)
		for _, each := range answer.Workteams {
			fmt.Println(*each.WorkteamName)
		}
	case "update_team":
		limits := &teams.IamPolicyConstraints{
			SourceIp: teams.EnabledOrDisabledEnabled, VpcSourceIp: teams.EnabledOrDisabledDisabled,
		}
		access := &teams.WorkerAccessConfiguration{S3Presign: &teams.S3Presign{IamPolicyConstraints: limits}}
		input := &sagemaker.UpdateWorkteamInput{WorkteamName: &key, WorkerAccessConfiguration: access}
		_, err := sagemaker.NewFromConfig(loaded).UpdateWorkteam(all, input)
		check(err)
	default:
		check(fmt.Errorf("no operation %q", operation))
	}
}
