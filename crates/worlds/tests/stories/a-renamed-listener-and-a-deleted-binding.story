Seed 201004
1. 36.026 s: A user applies the Service old.	{"service":{"name":"old","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
2. 59.046 s: Somebody renames listener 17.	{"console":{"rename":17}}
3. 98.749 s: A user deletes the DirectAccessBinding old.	{"deleteBinding":"old"}
