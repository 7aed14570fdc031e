Seed 201804
1. 0.500 s: The definition of TkeServiceConfig is TKE's own.	"vendorsConfigs"
2. 0.577 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.cloud.tencent.com/tke-service-config":"checks"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 169.232 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true","service.cloud.tencent.com/tke-service-config":"checks"},"spec":{"ports":[{"name":"http","port":443,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
4. 176.311 s: A user applies the TkeServiceConfig checks.	{"config":{"name":"checks","spec":{"loadBalancer":{"l4Listeners":[{"port":80,"protocol":"TCP"}],"l7Listeners":[{"domains":["?zz-config-checks-zz"],"port":80,"protocol":"HTTP"}]}}}}
