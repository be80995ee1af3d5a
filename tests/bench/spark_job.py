"""The job that is replaced, written as its users would write it for speed.

A schema that is given, files found by Structured Streaming, timestamps parsed and event types lowercased by
DataFrame functions, and foreachBatch with a JDBC append that rewrites batches of inserts.

  spark_job.py once|follow FOLDER CHECKPOINT JDBC_URL TABLE DRIVER_JAR

"once" loads what is there and ends; "follow" goes on until it is stopped and prints "ready" when it waits for files.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, lower, to_timestamp, trim
from pyspark.sql.types import DecimalType, StringType, StructField, StructType

mode, folder, checkpoint, url, table, jar = sys.argv[1:]

spark = (
    SparkSession.builder.appName("events")
    .master("local[*]")
    .config("spark.jars", jar)
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "2")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")

schema = StructType(
    [
        StructField("event_id", StringType()),
        StructField("user_id", StringType()),
        StructField("event_type", StringType()),
        StructField("product_id", StringType()),
        StructField("product_name", StringType()),
        StructField("price", DecimalType(10, 2)),
        StructField("timestamp", StringType()),
    ]
)

events = (
    spark.readStream.schema(schema)
    .option("header", True)
    .csv(folder)
    .withColumn("event_type", lower(trim(col("event_type"))))
    .withColumn("timestamp", to_timestamp(trim(col("timestamp"))))
)


def store(batch, _):
    (
        batch.write.format("jdbc")
        .mode("append")
        .option("url", url)
        .option("dbtable", table)
        .option("driver", "org.postgresql.Driver")
        .option("stringtype", "unspecified")
        .option("reWriteBatchedInserts", "true")
        .option("batchsize", 10000)
        .save()
    )


writer = events.writeStream.foreachBatch(store).option("checkpointLocation", checkpoint)
if mode == "once":
    writer.trigger(availableNow=True).start().awaitTermination()
else:
    query = writer.start()
    print("ready", flush=True)
    query.awaitTermination()
